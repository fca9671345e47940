// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/adaround.hpp>

#include <lowbit/core/pools.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using lowbit::affine;
using lowbit::tensor;

TEST_CASE("golden: at most 1.02 of the reference's loss") {
    const auto w = golden::load<float>("reconstruction/lin64x32.W.npy");
    lowbit::input_moments moments(64);
    moments.observe(golden::load<float>("reconstruction/lin64x32.X.npy"));
    const auto losses = golden::load_csv("reconstruction/losses.csv");
    for (std::size_t row = 0; row < 3; ++row) {
        const auto bits = static_cast<int>(losses.integer(row, "bits"));
        INFO(bits << " bits");
        const affine scheme{.bits = bits, .granularity = lowbit::per_channel(0), .codes = lowbit::affine_codes::full};
        std::vector<lowbit::affine_params> params;
        for (const float s : golden::load<float>("reconstruction/lin64x32.b" + std::to_string(bits) + ".scale.npy")) {
            params.push_back({s, 0});
        }
        const auto q = lowbit::adaround(w, moments.gram(), scheme, params);
        const double loss = lowbit::output_error(w, lowbit::dequantize(q), moments.gram());
        CHECK(loss <= 1.02 * losses.number(row, "loss AdaRound"));
        // Up or down, nothing else.
        const auto codes = q.codes();
        for (std::ptrdiff_t i = 0; i < codes.size(); ++i) {
            const double real = double{w[i]} / double{params[static_cast<std::size_t>(i / 64)].scale};
            REQUIRE(
                (std::abs(codes[i] - real) < 1.0001 || codes[i] == scheme.lowest() || codes[i] == scheme.highest()));
        }
    }
}

TEST_CASE("every granularity gains, whatever the executor and the scale of the data") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const float weight_scale = GENERATE(1.0f, 1e-3f), input_scale = GENERATE(1.0f, 1e3f);
    tensor<float> w({40, 3, 2, 8}), x({300, 48});
    for (float& v : w) v = weight_scale * normal(random);
    float previous = 0;
    for (float& v : x) v = previous = input_scale * normal(random) + 0.7f * previous;
    lowbit::input_moments moments(48);
    moments.observe(x);
    lowbit::thread_pool pool(2);
    for (const auto& granularity : {lowbit::per_tensor(), lowbit::per_channel(0), lowbit::per_group(-1, 4)}) {
        const affine scheme{.bits = 3, .symmetric = false, .granularity = granularity};
        const auto q = lowbit::adaround(w, moments.gram(), scheme, {.iterations = 1000});
        CHECK(lowbit::adaround(w, moments.gram(), scheme, {.iterations = 1000}, pool) == q);
        const double nearest = lowbit::output_error(w, lowbit::dequantize(lowbit::quantize(w, scheme)), moments.gram());
        CHECK(lowbit::output_error(w, lowbit::dequantize(q), moments.gram()) < 0.5 * nearest);
    }
}

TEST_CASE("what is exact already stays, and what does not fit is refused") {
    const tensor<float> w({2, 3}, std::vector<float>{1, 2, 7, -7, 0, 3});
    const affine scheme{.bits = 4, .granularity = lowbit::per_channel(0)};
    const Eigen::MatrixXd gram = Eigen::MatrixXd::Identity(3, 3);
    CHECK(lowbit::dequantize(lowbit::adaround(w, gram, scheme)) == w);
    CHECK_THROWS_WITH(lowbit::adaround(w, Eigen::MatrixXd::Identity(4, 4), scheme), Catch::Contains("3 inputs"));
    CHECK_THROWS_WITH(lowbit::adaround(w, gram, scheme, {.iterations = 0}), Catch::Contains("0 iterations"));
}
