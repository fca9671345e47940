// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/refine/bn_fold.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("folding gives the reference's weights and biases to the last bits") {
    const std::string name = GENERATE("qat/bnfold_b0.", "qat/bnfold_b1.", "qat/bnfold_b2.");
    const auto part = [&](const char* of) { return load<float>(name + of + ".npy"); };
    tensor<float> weights = part("w");
    tensor<float> bias({weights.shape()[0]});
    const auto gamma = part("gamma"), beta = part("beta"), mean = part("mean"), variance = part("var");
    fold_batch_norm(weights, bias, {gamma, beta, mean, variance, 1e-5f});
    const auto expected = part("W"), expected_bias = part("B");
    for (std::ptrdiff_t i = 0; i < weights.size(); ++i) CHECK(weights[i] == Approx(expected[i]).epsilon(3e-7));
    CHECK(max_error(expected_bias, bias) <= 1e-6);
}

TEST_CASE("the folded layer computes what both did, the layer's own bias included") {
    const float w[] = {2, -1, 0.5f, 3}, b[] = {0.25f, -2};
    tensor<float> weights({2, 2}, std::span(w)), bias({2}, std::span(b));
    const tensor<float> gamma({2}, 1.5f), beta({2}, -0.5f), mean({2}, 0.125f), variance({2}, 4.0f);
    fold_batch_norm(weights, bias, {gamma, beta, mean, variance, 0.0f});
    const float expected[] = {1.5f, -0.75f, 0.375f, 2.25f};
    for (std::ptrdiff_t i = 0; i < 4; ++i) CHECK(weights[i] == expected[i]);
    CHECK(bias[0] == (0.25f - 0.125f) * 0.75f - 0.5f);
    CHECK(bias[1] == (-2 - 0.125f) * 0.75f - 0.5f);
}

TEST_CASE("folding refuses what does not fit, and leaves the layer as it was") {
    tensor<float> weights({2, 2}, 1.0f), bias({2});
    const tensor<float> two({2}, 1.0f), three({3}, 1.0f);
    tensor<float> bad({2}, 1.0f);
    bad[1] = -1;
    const tensor<float> before = weights;
    CHECK_THROWS_AS(fold_batch_norm(weights, bias, {two, two, three, two}), error);
    CHECK_THROWS_AS(fold_batch_norm(weights, tensor<float>({3}), {two, two, two, two}), error);
    CHECK_THROWS_WITH(fold_batch_norm(weights, bias, {two, two, two, bad}), Catch::Contains("channel 1"));
    CHECK(weights == before);
}
