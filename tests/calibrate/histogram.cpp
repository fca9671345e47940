// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/histogram.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <vector>

using lowbit::histogram;
using lowbit::histogram_observer;

namespace {

/// Values of all magnitudes, signs and repetitions, zeros among them.
std::vector<float> wild_values(std::size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> values(n);
    for (float& x : values) {
        const float scale = std::ldexp(1.0f, static_cast<int>(random() % 60) - 40);
        x = random() % 8 == 0 ? 0.0f : scale * static_cast<float>(static_cast<int>(random() % 2001) - 1000);
    }
    return values;
}

}  // namespace

TEST_CASE("any split, order and merging gives the same counts, to the bit") {
    const auto values = wild_values(3000, 1);
    const std::ptrdiff_t bins = GENERATE(4, 100, 8192);
    const unsigned seed = GENERATE(Catch::Generators::range(0u, 12u));
    histogram_observer whole(bins);
    whole.observe(values);
    std::mt19937 random(seed);
    std::vector<histogram_observer> parts(7, histogram_observer(bins));
    for (std::size_t at = 0; at < values.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 400, values.size() - at);
        parts[random() % 7].observe(std::span(values).subspan(at, size));
        at += size;
    }
    std::shuffle(parts.begin(), parts.end(), random);
    histogram_observer merged(bins);
    for (const auto& part : parts) merged.merge(part);
    CHECK(merged == whole);
    CHECK(merged.counted().total() == values.size());
}

TEST_CASE("every value is in the bin that holds it, and there are enough bins") {
    const auto values = wild_values(500, 2);
    histogram_observer observer(1000);
    observer.observe(values);
    const histogram h = observer.counted();
    std::vector<std::uint64_t> expected(h.counts.size());
    std::uint64_t zeros = 0;
    for (const float x : values) {
        if (x == 0) {
            ++zeros;
        } else {
            ++expected[static_cast<std::size_t>(std::floor(double{x} / h.width) - h.lowest / h.width)];
        }
    }
    CHECK(h.counts == expected);
    CHECK(h.zeros == zeros);
    CHECK(h.counts.size() <= 1000);
    CHECK(h.counts.size() > 250);
    CHECK(h.extremes == lowbit::finite_range(values, "x"));
}

TEST_CASE("the extremes of floats fit") {
    const float largest = std::numeric_limits<float>::max(), smallest = std::numeric_limits<float>::min();
    histogram_observer observer(64);
    observer.observe(std::vector<float>{0, 0});
    CHECK(observer.counted().zeros == 2);
    CHECK(observer.counted().total() == 2);
    observer.observe(std::vector<float>{smallest, -smallest});
    CHECK(observer.counted().counts.size() == 33);  // 16 bins on either side, and the one that begins at the largest
    observer.observe(std::vector<float>{largest, -largest});
    CHECK(observer.counted().counts.size() <= 64);
    CHECK(observer.counted().total() == 6);
}

TEST_CASE("the folded histogram counts magnitudes") {
    histogram_observer observer(64);
    observer.observe(std::vector<float>{-3.5f, -1.5f, 0, 1.5f, 2.5f});
    const histogram folded = observer.counted().magnitudes();
    CHECK(folded.lowest == 0);
    CHECK(folded.total() == 5);
    CHECK(folded.zeros == 1);
    CHECK(folded.extremes == lowbit::range{0, 3.5f});
    const lowbit::binned_values binned(folded);
    CHECK(binned.above(3).count == 1);
    CHECK(binned.above(2).count == 2);
    CHECK(binned.above(1).count == 4);
    CHECK(binned.above(0).count == 5);
}

TEST_CASE("magnitude_histogram: equal bins up to the largest, which is in the last") {
    const histogram h = lowbit::magnitude_histogram(std::vector<float>{-4, 0, 1, 2, 3.9f}, 4);
    CHECK(h.counts == std::vector<std::uint64_t>{0, 1, 1, 2});
    CHECK(h.zeros == 1);
    CHECK(h.width == 1);
}

TEST_CASE("a binned distribution is close to the exact one") {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0.3f, 1);
    std::vector<float> values(50000);
    for (float& x : values) x = std::max(-1.0f, normal(random));
    histogram_observer observer;
    observer.observe(values);
    const lowbit::binned_values binned(observer.counted());
    const lowbit::sorted_values exact(values);
    CHECK(binned.square_sum() == Approx(exact.square_sum()).epsilon(1e-4));
    CHECK(binned.extremes() == exact.extremes());
    for (const double threshold : {-2.0, -0.9, -0.1, 0.05, 0.7, 2.2, 9.0}) {
        CHECK(binned.above(threshold).count == Approx(exact.above(threshold).count).margin(60));
        CHECK(binned.above(threshold).sum == Approx(exact.above(threshold).sum).margin(120));
    }
    for (const double fraction : {0.3, 0.5, 0.99, 0.9999}) {
        CHECK(binned.quantile(fraction) == Approx(exact.quantile(fraction)).margin(fraction > 0.999 ? 0.1 : 0.005));
    }
}

TEST_CASE("misuse of histograms is refused") {
    CHECK_THROWS_WITH(histogram_observer(3), Catch::Contains("3 bins"));
    histogram_observer a(64), b(128);
    b.observe(std::vector<float>{1});
    CHECK_THROWS_WITH(a.merge(b), Catch::Contains("64 and 128"));
    CHECK_THROWS_WITH(a.counted(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(a.observed(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(a.observe(std::vector<float>{1, INFINITY}), Catch::Contains("index 1"));
    CHECK(a.empty());
    CHECK_THROWS_WITH(lowbit::binned_values(histogram{}), Catch::Contains("empty"));
}
