// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/awq.hpp>

#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using lowbit::affine;
using lowbit::tensor;

namespace {

/// Inputs of which a few are much larger than the others.
lowbit::input_moments salient_inputs(std::ptrdiff_t columns) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    tensor<float> x({500, columns});
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x[i] = normal(random) * (i % columns % 37 == 5 ? 30.0f : 1.0f);
    lowbit::input_moments moments(columns);
    moments.observe(x);
    return moments;
}

tensor<float> random_weights(const lowbit::tensor_shape& shape) {
    std::mt19937 random(2);
    std::student_t_distribution<float> heavy(4);
    tensor<float> w(shape);
    for (float& v : w) v = heavy(random);
    return w;
}

}  // namespace

TEST_CASE("scales help where some inputs are large, with any scheme, and their error is the one reported") {
    const auto w = random_weights({24, 128});
    const auto moments = salient_inputs(128);
    const auto search = [&](const auto& scheme) {
        const auto found = lowbit::awq_scales(w, moments, scheme);
        const double plain = lowbit::output_error(w, lowbit::dequantize(lowbit::quantize(w, scheme)), moments.gram());
        CHECK(found.alpha > 0);
        CHECK(found.error < 0.6 * plain);
        tensor<float> scaled = w;
        lowbit::scale_inputs({scaled, {}}, found.scales);
        auto rounded = lowbit::dequantize(lowbit::quantize(scaled, scheme));
        for (std::ptrdiff_t i = 0; i < rounded.size(); ++i)
            rounded[i] /= found.scales[static_cast<std::size_t>(i % 128)];
        CHECK(lowbit::output_error(w, rounded, moments.gram()) == Approx(found.error));
    };
    search(affine{.bits = 3, .symmetric = false, .granularity = lowbit::per_group(1, 64)});
    search(affine{.bits = 4, .granularity = lowbit::per_channel(0)});
    search(lowbit::kmeans{.bits = 3, .granularity = lowbit::per_channel(0)});
}

TEST_CASE("clipping is never worse than not, set by set, and does not depend on the executor") {
    const auto w = random_weights({24, 128});
    const auto moments = salient_inputs(128);
    lowbit::thread_pool pool(2);
    for (const auto& granularity : {lowbit::per_channel(0), lowbit::per_group(-1, 32)}) {
        const affine scheme{.bits = 3, .symmetric = false, .granularity = granularity};
        const auto params = lowbit::awq_clip(w, moments.gram(), scheme);
        CHECK(params == lowbit::awq_clip(w, moments.gram(), scheme, pool));
        const double plain = lowbit::output_error(w, lowbit::dequantize(lowbit::quantize(w, scheme)), moments.gram());
        const auto clipped = lowbit::dequantize(lowbit::quantize(w, scheme, params));
        CHECK(lowbit::output_error(w, clipped, moments.gram()) < 0.9 * plain);
    }
}

TEST_CASE("what does not fit is refused") {
    const auto w = random_weights({24, 128});
    CHECK_THROWS_WITH(lowbit::awq_scales(w, salient_inputs(64), affine{}), Catch::Contains("64 inputs"));
    const Eigen::MatrixXd gram = Eigen::MatrixXd::Identity(128, 128);
    CHECK_THROWS_WITH(lowbit::awq_clip(w, gram, affine{}), Catch::Contains("in one row"));
    CHECK_THROWS_WITH(lowbit::awq_clip(w, gram, affine{.granularity = lowbit::per_channel(1)}),
                      Catch::Contains("in one row"));
    CHECK_THROWS_WITH(
        lowbit::awq_clip(w, Eigen::MatrixXd::Identity(4, 4), affine{.granularity = lowbit::per_channel(0)}),
        Catch::Contains("128 inputs"));
}
