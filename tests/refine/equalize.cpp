// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/equalize.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using lowbit::layer_view;
using lowbit::tensor;

namespace {

struct layer {
    tensor<float> weights, bias;
    bool depthwise = false;

    layer_view view() { return {weights, bias, depthwise}; }

    /// One position of an image: a convolution of 1x1, or a depthwise one.
    std::vector<double> run(const std::vector<double>& x, const std::vector<double>& caps = {}) const {
        std::vector<double> y(static_cast<std::size_t>(weights.shape()[0]));
        const std::ptrdiff_t columns = weights.size() / weights.shape()[0];
        for (std::ptrdiff_t o = 0; o < weights.shape()[0]; ++o) {
            double sum = double{bias[o]};
            for (std::ptrdiff_t i = 0; i < columns; ++i) {
                sum += double{weights[o * columns + i]} * x[static_cast<std::size_t>(depthwise ? o : i)];
            }
            const auto at = static_cast<std::size_t>(o);
            y[at] = std::clamp(sum, 0.0, caps.empty() ? 1e30 : caps[at]);
        }
        return y;
    }
};

layer random_layer(std::ptrdiff_t out, std::ptrdiff_t in, std::mt19937& random, bool depthwise = false) {
    std::normal_distribution<float> normal;
    layer l{tensor<float>({out, depthwise ? 1 : in}), tensor<float>({out}), depthwise};
    for (std::ptrdiff_t o = 0; o < out; ++o) {
        const float scale = std::exp(2 * normal(random));
        for (std::ptrdiff_t i = 0; i < l.weights.shape()[1]; ++i) l.weights(o, i) = scale * normal(random);
        l.bias[o] = scale * normal(random);
    }
    return l;
}

}  // namespace

TEST_CASE("a chain with a depthwise layer: the same function, equal ranges on both sides of every channel") {
    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    layer a = random_layer(12, 5, random), b = random_layer(12, 12, random, true), c = random_layer(7, 12, random);
    const layer a0 = a, b0 = b, c0 = c;
    const std::vector<layer_view> chain{a.view(), b.view(), c.view()};
    const auto s = lowbit::equalize(chain);
    for (std::size_t pair = 0; pair < 2; ++pair) {
        const auto out = lowbit::largest_of_outputs(chain[pair]), in = lowbit::largest_of_inputs(chain[pair + 1], 12);
        for (std::size_t i = 0; i < 12; ++i) CHECK(out[i] == Approx(in[i]).epsilon(0.01));
    }
    for (int trial = 0; trial < 20; ++trial) {
        std::vector<double> x(5);
        for (double& v : x) v = normal(random);
        const auto expected = c0.run(b0.run(a0.run(x))), actual = c.run(b.run(a.run(x)));
        for (std::size_t i = 0; i < 7; ++i) CHECK(actual[i] == Approx(expected[i]).epsilon(1e-4).margin(1e-4));
        // ReLU6 becomes a clamp at 6/s.
        std::vector<double> six(12, 6.0), capped(12);
        for (std::size_t i = 0; i < 12; ++i) capped[i] = 6 / double{s[0][i]};
        const auto expected6 = b0.run(a0.run(x, six)), actual6 = b.run(a.run(x, capped));
        for (std::size_t i = 0; i < 12; ++i) {
            CHECK(actual6[i] * double{s[1][i]} == Approx(expected6[i]).epsilon(1e-4).margin(1e-4));
        }
    }
}

TEST_CASE("channels that are all zero stay as they are") {
    std::mt19937 random(2);
    layer a = random_layer(4, 3, random), b = random_layer(2, 4, random);
    for (std::ptrdiff_t i = 0; i < 3; ++i) a.weights(1, i) = 0;
    for (std::ptrdiff_t o = 0; o < 2; ++o) b.weights(o, 2) = 0;
    const auto s = lowbit::equalize(a.view(), b.view());
    CHECK(s[1] == 1);
    CHECK(s[2] == 1);
    CHECK_THROWS_WITH(lowbit::equalize(b.view(), a.view()), Catch::Contains("2 input channels"));
}

TEST_CASE("high biases move on: the function is the same where the input exceeds them") {
    std::mt19937 random(3);
    layer a = random_layer(6, 4, random), b = random_layer(3, 6, random);
    const layer a0 = a, b0 = b;
    const std::vector<float> mean{9, 9, 1, -5, 20, 0}, deviation{1, 4, 1, 1, -2, 1};
    const auto c = lowbit::absorb_high_bias(a.view(), b.view(), mean, deviation);
    CHECK(c == std::vector<float>{6, 0, 0, 0, 14, 0});
    for (std::ptrdiff_t i = 0; i < 6; ++i) CHECK(a.bias[i] == a0.bias[i] - c[static_cast<std::size_t>(i)]);
    // A hidden activation above c, before and after.
    std::vector<double> hidden(6), shifted(6);
    for (std::size_t i = 0; i < 6; ++i) hidden[i] = double{c[i]} + 1.5, shifted[i] = 1.5;
    const auto expected = b0.run(hidden), actual = b.run(shifted);
    for (std::size_t i = 0; i < 3; ++i) CHECK(actual[i] == Approx(expected[i]).epsilon(1e-4).margin(1e-4));
    CHECK_THROWS_WITH(lowbit::absorb_high_bias(a.view(), b.view(), std::vector<float>{1}, std::vector<float>{1}),
                      Catch::Contains("6 channels"));
    CHECK_THROWS_WITH(lowbit::absorb_high_bias({a.weights, {}}, b.view(), mean, deviation), Catch::Contains("bias"));
}
