// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/clip.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <limits>
#include <random>
#include <string>
#include <vector>

using lowbit::choose_range;
using lowbit::clip_method;
using lowbit::clip_spec;

namespace {

std::vector<float> gaussian(std::size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (float& x : values) x = normal(random);
    return values;
}

const char* const names[] = {"minmax", "percentile=99.9", "mse", "kl", "octav", "aciq-laplace", "aciq-gauss"};

}  // namespace

TEST_CASE("the text of a clipping method is read back as the same") {
    for (const char* const name : names) CHECK(to_string(lowbit::parse_clip(name)) == name);
    CHECK(lowbit::parse_clip("percentile=99.99") == clip_spec{clip_method::percentile, 99.99f});
    CHECK(lowbit::parse_clip("percentile") == clip_spec{clip_method::percentile, 99.99f});
    CHECK(lowbit::parse_clip("kl") == clip_spec{.method = clip_method::kl});
    CHECK_THROWS_WITH(lowbit::parse_clip("minimax"), Catch::Contains("minimax") && Catch::Contains("octav"));
    CHECK_THROWS_WITH(lowbit::parse_clip("mse=3"), Catch::Contains("takes no value"));
    CHECK_THROWS_WITH(lowbit::parse_clip("percentile=high"), Catch::Contains("percentile=high"));
    CHECK_THROWS_WITH(lowbit::parse_clip("percentile=50"), Catch::Contains("(50, 100]"));
}

TEST_CASE("every method gives a usable range, from values and from a histogram alike") {
    const auto values = gaussian(20000, 1);
    lowbit::histogram_observer observer;
    observer.observe(values);
    const auto seen = observer.observed();
    for (const char* const name : names) {
        for (const int bits : {2, 3, 4, 8}) {
            for (const bool symmetric : {true, false}) {
                INFO(name << " " << bits << " bits, symmetric " << symmetric);
                const clip_spec spec = lowbit::parse_clip(name);
                const auto exact = choose_range(values, spec, bits, symmetric, true);
                const auto binned = choose_range(observer.counted(), spec, bits, symmetric, true);
                CHECK(exact.min < 0);
                CHECK(exact.max > 0);
                CHECK(exact.max <= amax(seen) * 1.001f);
                if (symmetric) CHECK(exact.min == -exact.max);
                if (!symmetric && spec.method != clip_method::mse) CHECK(exact.min >= seen.min);
                // The squared error is flat about its optimum, divergences are rough: these differ most.
                const double tolerance = spec.method == clip_method::kl ? 0.2 : 0.03;
                CHECK(binned.max == Approx(exact.max).epsilon(tolerance));
            }
        }
    }
}

TEST_CASE("values of one sign get a range of one side") {
    auto values = gaussian(20000, 2);
    for (float& x : values) x = std::max(x, 0.0f);
    for (const char* const name : names) {
        INFO(name);
        const clip_spec spec = lowbit::parse_clip(name);
        CHECK(choose_range(values, spec, 4, false, false).min == 0);
        CHECK(choose_range(values, spec, 4, true, false).min == 0);
        CHECK(choose_range(values, spec, 4, true, false).max > 1);
        for (float& x : values) x = -x;
        CHECK(choose_range(values, spec, 4, false, true).max == 0);
        for (float& x : values) x = -x;
    }
}

TEST_CASE("values that are all zero, or all the same, get a range that holds them") {
    for (const char* const name : names) {
        for (const bool symmetric : {true, false}) {
            INFO(name << " symmetric " << symmetric);
            const clip_spec spec = lowbit::parse_clip(name);
            CHECK(choose_range(std::vector<float>(5, 0.0f), spec, 4, symmetric, true) == lowbit::range{});
            const auto r = choose_range(std::vector<float>(5, 3.0f), spec, 4, symmetric, true);
            CHECK(r.max >= (spec.method >= clip_method::octav ? 1.0f : 2.999f));
        }
    }
}

TEST_CASE("percentile: of |x| where symmetric, of both ends where not") {
    std::vector<float> values;
    for (int i = 1; i <= 1000; ++i) values.push_back(static_cast<float>(i));
    values.push_back(-5000);
    CHECK(choose_range(values, {clip_method::percentile, 99.9f}, 8, true, true).max == 1000);
    CHECK(choose_range(values, {clip_method::percentile, 100.0f}, 8, true, true).max == 5000);
    CHECK(choose_range(values, {clip_method::percentile, 99.0f}, 8, false, true) == lowbit::range{0, 990});
}

TEST_CASE("an outlier is clipped by mse where that pays, and kept where it carries the energy") {
    auto values = gaussian(10000, 3);
    values.push_back(6);
    const auto clipped = choose_range(values, {.method = clip_method::mse}, 4, true, true);
    CHECK(clipped.max < 4);
    values.back() = 1000;
    CHECK(choose_range(values, {.method = clip_method::mse}, 4, true, true).max > 900);
}

TEST_CASE("bad input is refused") {
    const std::vector<float> values{1, std::numeric_limits<float>::quiet_NaN()};
    for (const char* const name : names) {
        CHECK_THROWS_WITH(choose_range(values, lowbit::parse_clip(name), 8, true, true), Catch::Contains("index 1"));
        CHECK_THROWS_WITH(choose_range(std::span<const float>(), lowbit::parse_clip(name), 8, true, true),
                          Catch::Contains("no values"));
        CHECK_THROWS_WITH(choose_range(lowbit::histogram{}, lowbit::parse_clip(name), 8, true, true),
                          Catch::Contains("empty"));
    }
    CHECK_THROWS_WITH(choose_range(std::vector<float>{1}, {}, 17, true, true), Catch::Contains("17 bits"));
    CHECK_THROWS_WITH(choose_range(std::vector<float>{1}, {clip_method::percentile, 20.0f}, 8, true, true),
                      Catch::Contains("percentile 20"));
}

TEST_CASE("KL cuts off no more than one code's fair share, piles of values or not") {
    // Half of a Gauss, and as many values again in a few places far apart, as a background gives.
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::vector<float> values(40000);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = i % 2 == 0 ? std::abs(normal(random)) : 0.173f * static_cast<float>(1 + i % 7);
    for (const int bits : {3, 4, 6, 8}) {
        const auto covered = lowbit::choose_range(values, {.method = clip_method::kl}, bits, false, false);
        const auto cut = std::count_if(values.begin(), values.end(), [&](float x) { return x > covered.max; });
        CHECK(static_cast<double>(cut) <= static_cast<double>(values.size()) / (1 << bits));
    }
}
