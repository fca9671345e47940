// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/bias_correction.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using lowbit::tensor;

TEST_CASE("expectations of clamped gaussians are what sampling gives") {
    std::mt19937 random(1);
    for (const double mean : {-2.0, 0.0, 0.7, 5.0, 8.0}) {
        for (const double deviation : {0.0, 0.5, 3.0}) {
            std::normal_distribution<double> normal(mean, std::max(deviation, 1e-12));
            double relu = 0, relu6 = 0;
            constexpr int n = 400000;
            for (int i = 0; i < n; ++i) {
                const double x = normal(random);
                relu += std::max(x, 0.0) / n;
                relu6 += std::clamp(x, 0.0, 6.0) / n;
            }
            INFO(mean << " " << deviation);
            CHECK(lowbit::expected_relu(mean, deviation) == Approx(relu).margin(0.02));
            CHECK(lowbit::expected_clamp(mean, deviation, 6) == Approx(relu6).margin(0.02));
        }
    }
}

TEST_CASE("the corrected layer has the mean of the exact one") {
    std::mt19937 random(2);
    std::normal_distribution<float> normal(1);
    for (const bool depthwise : {false, true}) {
        const std::ptrdiff_t columns = depthwise ? 4 : 12;  // 2x2 taps
        tensor<float> w({3, columns}), rounded({3, columns}), bias({3});
        for (float& v : w) v = normal(random);
        for (std::ptrdiff_t i = 0; i < w.size(); ++i) rounded[i] = std::nearbyint(w[i]);
        const tensor<float> exact_bias = bias;
        const std::vector<float> mean{0.5f, 2, -1};
        lowbit::correct_bias({w, bias, depthwise}, rounded, mean);
        for (std::ptrdiff_t o = 0; o < 3; ++o) {
            double exact = double{exact_bias[o]}, actual = double{bias[o]};
            for (std::ptrdiff_t i = 0; i < columns; ++i) {
                const double x = double{mean[static_cast<std::size_t>(depthwise ? o : i % 3)]};
                exact += double{w(o, i)} * x;
                actual += double{rounded(o, i)} * x;
            }
            CHECK(actual == Approx(exact).margin(1e-5));
        }
    }
}

TEST_CASE("correction by the outputs' means, and sizes that differ") {
    tensor<float> bias({2}, std::vector<float>{1, 2});
    lowbit::correct_bias(bias, std::vector<float>{3, 4}, std::vector<float>{2.5f, 5});
    CHECK(bias == tensor<float>({2}, std::vector<float>{1.5f, 1}));
    CHECK_THROWS_WITH(lowbit::correct_bias(bias, std::vector<float>{3}, std::vector<float>{2}),
                      Catch::Contains("2 biases"));
    tensor<float> w({2, 3}), other({2, 4});
    CHECK_THROWS_WITH(lowbit::correct_bias({w, bias}, other, std::vector<float>{1, 2, 3}),
                      Catch::Contains("8 rounded"));
    CHECK_THROWS_WITH(lowbit::correct_bias({w, {}}, w, std::vector<float>{1, 2, 3}), Catch::Contains("0 biases"));
}
