// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/value_runs.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using lowbit::detail::moment_sums;
using lowbit::detail::value_runs;

TEST_CASE("value_runs: sums of any run, outliers or not") {
    std::mt19937 random(1);
    const bool weighted = GENERATE(false, true);
    const float outlier = GENERATE(0.0f, 1e12f);
    std::vector<float> values(GENERATE(1000u, 20000u)), weights;
    for (float& x : values) x = 100 + std::normal_distribution<float>()(random);
    values[17] += outlier;
    for (std::size_t i = 0; weighted && i < values.size(); ++i) weights.push_back(static_cast<float>(random() % 4));
    const value_runs sorted(values, weights, {});
    std::vector<std::pair<float, float>> plain;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!weighted || weights[i] > 0) plain.emplace_back(values[i], weighted ? weights[i] : 1.0f);
    std::stable_sort(plain.begin(), plain.end(), [](auto a, auto b) { return a.first < b.first; });
    REQUIRE(sorted.size() == std::ssize(plain));
    bool same = true;
    for (std::size_t i = 0; i < plain.size(); ++i)
        same &= sorted[static_cast<std::ptrdiff_t>(i)] == double(plain[i].first);
    CHECK(same);
    for (int round = 0; round < 200; ++round) {
        const auto first = static_cast<std::ptrdiff_t>(random() % plain.size());
        const auto last = first + 1 + static_cast<std::ptrdiff_t>(random() % (plain.size() - std::size_t(first)));
        const double origin = sorted[first];
        long double weight = 0, moment = 0, square = 0, error = 0;
        for (std::ptrdiff_t i = first; i < last; ++i) {
            const auto [x, w] = plain[static_cast<std::size_t>(i)];
            const long double y = (long double)(x) - (long double)(origin);
            weight += w, moment += w * y, square += w * y * y;
        }
        for (std::ptrdiff_t i = first; i < last; ++i) {
            const auto [x, w] = plain[static_cast<std::size_t>(i)];
            const long double y = (long double)(x) - (long double)(origin)-moment / weight;
            error += w * y * y;
        }
        const moment_sums sums = sorted.sums(first, last, origin);
        CHECK(sums.weight == double(weight));
        CHECK(sorted.weight(first, last) == double(weight));
        CHECK(std::abs(sums.moment - double(moment)) <= 1e-13 * std::abs(double(moment)));
        CHECK(std::abs(sums.square - double(square)) <= 1e-13 * double(square));
        const auto [found, mean] = sorted.cluster(first, last);
        CHECK(std::abs(found - double(error)) <= 1e-12 * double(error) + 1e-15 * double(square));
        CHECK(mean >= sorted[first]);
        CHECK(mean <= sorted[last - 1]);
    }
}

TEST_CASE("value_runs: the longest run with a property") {
    std::vector<float> values;
    for (int i = 0; i < 300; ++i) values.push_back(static_cast<float>(i / 3));
    const value_runs sorted(values, {}, {});
    for (std::ptrdiff_t first = 0; first < 300; ++first) {
        for (const double width : {-1.0, 0.0, 1.0, 7.5, 1000.0}) {
            std::ptrdiff_t expected = first + 1;
            while (expected < 300 && sorted[expected] - sorted[first] <= width) ++expected;
            CHECK(sorted.run_end(first, [&](std::ptrdiff_t end) { return sorted[end - 1] - sorted[first] <= width; }) ==
                  expected);
        }
    }
}

TEST_CASE("value_runs: what weighs nothing is left out, unless everything does") {
    CHECK(value_runs(std::vector<float>{3, 1, 2}, std::vector<float>{1, 0, 2}, {}).size() == 2);
    CHECK(value_runs(std::vector<float>{3, 1, 2}, std::vector<float>{0, 0, 0}, {}).size() == 3);
    CHECK(value_runs(std::vector<float>{3, 1, 2}, std::vector<float>{0, 0, 0}, {}).weight(0, 3) == 3);
}
