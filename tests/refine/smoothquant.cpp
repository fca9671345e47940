// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/smoothquant.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

using lowbit::tensor;

TEST_CASE("the formula, and what has no range keeps its scale") {
    tensor<float> w({2, 4}, std::vector<float>{1, -4, 0, 2, -2, 3, 0, 1});
    const std::vector<float> largest{8, 100, 5, 0};
    const auto s = lowbit::smoothquant_scales({w, {}}, largest, 0.75);
    CHECK(s[0] == Approx(std::pow(8, 0.75) / std::pow(2, 0.25)));
    CHECK(s[1] == Approx(std::pow(100, 0.75) / std::pow(4, 0.25)));
    CHECK(s[2] == 1);
    CHECK(s[3] == 1);
    CHECK_THROWS_WITH(lowbit::smoothquant_scales({w, {}}, largest, 2), Catch::Contains("alpha 2"));
}

TEST_CASE("two layers compute the same, and the outlier channel is tamed") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    tensor<float> before({6, 3}), bias({6}), w({4, 6});
    for (float& v : before) v = normal(random);
    for (float& v : w) v = normal(random);
    for (std::ptrdiff_t i = 0; i < 3; ++i) before(2, i) *= 50;
    const auto product = [&](std::ptrdiff_t o, std::ptrdiff_t i) {
        double sum = 0;
        for (std::ptrdiff_t k = 0; k < 6; ++k) sum += double{w(o, k)} * double{before(k, i)};
        return sum;
    };
    std::vector<double> expected;
    for (std::ptrdiff_t o = 0; o < 4; ++o) {
        for (std::ptrdiff_t i = 0; i < 3; ++i) expected.push_back(product(o, i));
    }
    const auto largest = lowbit::largest_of_outputs({before, bias});
    const auto s = lowbit::smoothquant({before, bias}, {w, {}}, largest);
    const auto after = lowbit::largest_of_outputs({before, bias});
    for (std::ptrdiff_t o = 0, at = 0; o < 4; ++o) {
        for (std::ptrdiff_t i = 0; i < 3; ++i) {
            CHECK(product(o, i) == Approx(expected[static_cast<std::size_t>(at++)]).epsilon(1e-5));
        }
    }
    CHECK(after[2] / after[0] < 0.5f * largest[2] / largest[0]);
    CHECK(after[2] == Approx(largest[2] / s[2]));
    CHECK_THROWS_WITH(lowbit::smoothquant({before, bias}, {w, {}}, std::vector<float>{1}),
                      Catch::Contains("6 outputs"));
}
