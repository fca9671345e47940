// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/distribution.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using lowbit::sorted_values;

TEST_CASE("tails, quantiles and deviations are those of the values") {
    std::mt19937 random(1);
    const std::size_t n = GENERATE(1u, 2u, 15u, 16u, 17u, 33u, 2000u);
    std::vector<float> values(n);
    for (float& x : values) x = static_cast<float>(static_cast<int>(random() % 21) - 10) / 4;
    const bool fold = GENERATE(false, true);
    const sorted_values sorted = fold ? sorted_values::magnitudes(values) : sorted_values(values);
    if (fold) {
        for (float& x : values) x = std::abs(x);
    }
    double squares = 0, deviation = 0;
    for (const float x : values) squares += double{x} * x, deviation += std::abs(double{x} - 0.3);
    CHECK(sorted.square_sum() == squares);
    CHECK(lowbit::absolute_deviation(sorted, 0.3) == Approx(deviation));
    CHECK(sorted.extremes() == lowbit::finite_range(values, "x"));
    for (double threshold = -3; threshold <= 3; threshold += 0.125) {
        double count = 0, sum = 0;
        for (const float x : values) {
            if (x >= threshold) ++count, sum += double{x};
        }
        CHECK(sorted.above(threshold).count == count);
        CHECK(sorted.above(threshold).sum == sum);
    }
    CHECK(lowbit::everything(sorted).count == static_cast<double>(n));
    for (const double fraction : {0.0, 0.1, 0.5, 0.999, 1.0}) {
        const float q = sorted.quantile(fraction);
        const auto below = [&](auto keep) {
            return static_cast<double>(std::count_if(values.begin(), values.end(), keep));
        };
        CHECK(below([&](float x) { return x <= q; }) >= fraction * static_cast<double>(n));
        CHECK(below([&](float x) { return x < q; }) <= fraction * static_cast<double>(n));
    }
}

TEST_CASE("sorted values refuse what cannot be sorted or summed") {
    CHECK_THROWS_WITH(sorted_values(std::span<const float>()), Catch::Contains("no values"));
    const std::vector<float> values{0, NAN};
    CHECK_THROWS_WITH(sorted_values(values), Catch::Contains("index 1"));
}
