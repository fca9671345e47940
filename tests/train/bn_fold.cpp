// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/bn_fold.hpp>

#include <lowbit/refine/bn_fold.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using lowbit::bn_folding;
using lowbit::tensor;

namespace {

struct batch_norm {
    tensor<float> gamma, beta, batch_mean, batch_variance, mean, variance;

    lowbit::bn_training_view view() const {
        return {gamma.view(), beta.view(), batch_mean.view(), batch_variance.view(), mean.view(), variance.view()};
    }
};

tensor<float> gaussian(const lowbit::tensor_shape& shape, unsigned seed, float center = 0) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(center, 0.3f);
    tensor<float> values(shape);
    for (float& x : values) x = normal(random);
    return values;
}

batch_norm random_norm() {
    return {gaussian({3}, 1, 1), gaussian({3}, 2), gaussian({3}, 3),
            gaussian({3}, 4, 2), gaussian({3}, 5), gaussian({3}, 6, 2)};
}

}  // namespace

TEST_CASE("corrected and batch folding compute the same layer; frozen is the one of inference") {
    const auto w = gaussian({3, 2, 2, 1}, 7);
    const auto bn = random_norm();
    const auto batch = lowbit::fold_for_training(w, bn.view(), bn_folding::batch);
    const auto corrected = lowbit::fold_for_training(w, bn.view(), bn_folding::corrected);
    const auto frozen = lowbit::fold_for_training(w, bn.view(), bn_folding::frozen);
    CHECK(corrected.weights == frozen.weights);
    CHECK(corrected.bias == batch.bias);
    for (std::ptrdiff_t i = 0; i < w.size(); ++i) {
        CHECK(batch.weights[i] == Approx(corrected.weights[i] * corrected.correction[i / 4]).epsilon(1e-6));
    }
    tensor<float> weights = w, bias({3});
    lowbit::fold_batch_norm(weights, bias, {bn.gamma.view(), bn.beta.view(), bn.mean.view(), bn.variance.view()});
    for (std::ptrdiff_t i = 0; i < w.size(); ++i) CHECK(frozen.weights[i] == Approx(weights[i]).epsilon(1e-6));
    for (std::ptrdiff_t c = 0; c < 3; ++c) CHECK(frozen.bias[c] == Approx(bias[c]).epsilon(1e-5));
}

TEST_CASE("gradients are those of finite differences") {
    const auto how = GENERATE(bn_folding::batch, bn_folding::corrected, bn_folding::frozen);
    auto w = gaussian({3, 4}, 8);
    auto bn = random_norm();
    const auto dw = gaussian({3, 4}, 9), dc = gaussian({3}, 10), db = gaussian({3}, 11);
    const auto loss = [&] {
        const auto folded = lowbit::fold_for_training(w, bn.view(), how);
        double sum = 0;
        for (std::ptrdiff_t i = 0; i < w.size(); ++i) sum += double{dw[i]} * double{folded.weights[i]};
        for (std::ptrdiff_t c = 0; c < 3; ++c) {
            sum += double{dc[c]} * double{folded.correction[c]} + double{db[c]} * double{folded.bias[c]};
        }
        return sum;
    };
    const auto g = lowbit::fold_for_training_backward(w, bn.view(), how, dw, dc, db);
    const auto compare = [&](tensor<float>& parameter, const tensor<float>& gradient) {
        for (std::ptrdiff_t i = 0; i < parameter.size(); ++i) {
            const float kept = parameter[i];
            parameter[i] = kept + 0.01f;
            const double above = loss();
            parameter[i] = kept - 0.01f;
            const double below = loss();
            parameter[i] = kept;
            CHECK(gradient[i] == Approx((above - below) / 0.02).margin(2e-4));
        }
    };
    compare(w, g.weights);
    compare(bn.gamma, g.gamma);
    compare(bn.beta, g.beta);
    compare(bn.batch_mean, g.batch_mean);
    compare(bn.batch_variance, g.batch_variance);
}

TEST_CASE("what does not fit is refused") {
    const auto w = gaussian({3, 4}, 8);
    auto bn = random_norm();
    CHECK_THROWS_WITH(lowbit::fold_for_training(gaussian({2, 4}, 1), bn.view(), bn_folding::batch),
                      Catch::Contains("2 channels"));
    CHECK_THROWS_WITH(lowbit::fold_for_training_backward(w, bn.view(), bn_folding::batch, w, w, w),
                      Catch::Contains("12 corrections"));
    bn.batch_variance[1] = -1;
    CHECK_THROWS_WITH(lowbit::fold_for_training(w, bn.view(), bn_folding::batch), Catch::Contains("channel 1"));
}
