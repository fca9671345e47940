// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/gptq.hpp>

#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans.hpp>

#include <tests/support/gaussian.hpp>
#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using lowbit::affine;
using lowbit::tensor;

namespace {

Eigen::MatrixXd gram_of(const tensor<float>& inputs) {
    lowbit::input_moments moments(inputs.shape()[1]);
    moments.observe(inputs);
    return moments.gram();
}

}  // namespace

TEST_CASE("golden: the reference's codes, with and without activation order") {
    const auto w = golden::load<float>("reconstruction/lin64x32.W.npy");
    const auto gram = gram_of(golden::load<float>("reconstruction/lin64x32.X.npy"));
    const auto losses = golden::load_csv("reconstruction/losses.csv");
    for (std::size_t row = 0; row < 3; ++row) {
        const auto bits = static_cast<int>(losses.integer(row, "bits"));
        const std::string name = "reconstruction/lin64x32.b" + std::to_string(bits) + ".";
        const auto scales = golden::load<float>(name + "scale.npy");
        const affine scheme{.bits = bits, .granularity = lowbit::per_channel(0), .codes = lowbit::affine_codes::full};
        std::vector<lowbit::affine_params> params;
        for (const float scale : scales) params.push_back({scale, 0});
        const auto nearest = lowbit::dequantize(lowbit::quantize(w, scheme, params));
        // Every largest weight of 2 bits lies halfway between two codes: dividing by S and multiplying by 1/S differ
        // there.
        CHECK(lowbit::output_error(w, nearest, gram) == Approx(losses.number(row, "loss RTN")).epsilon(3e-3));
        for (const bool ordered : {false, true}) {
            INFO(bits << " bits, activation order " << ordered);
            const auto q = lowbit::gptq(w, gram, scheme, params, {.activation_order = ordered});
            const auto codes = q.codes();
            const auto expected = golden::load<std::int8_t>(name + (ordered ? "gptq_actorder" : "gptq") + ".int.npy");
            std::ptrdiff_t equal = 0;
            for (std::ptrdiff_t i = 0; i < codes.size(); ++i) equal += codes[i] == expected[i];
            CHECK(static_cast<double>(equal) >= 0.995 * static_cast<double>(codes.size()));
            const double loss = lowbit::output_error(w, lowbit::dequantize(q), gram);
            CHECK(loss == Approx(losses.number(row, ordered ? "loss GPTQ actorder" : "loss GPTQ")).epsilon(0.005));
        }
    }
}

TEST_CASE("every granularity gains, and the result does not depend on the executor") {
    const auto w = gaussian({70, 300}, 1);
    const auto gram = gram_of(gaussian({600, 300}, 2, 0.8f));
    lowbit::thread_pool pool(2);
    for (const auto& granularity : {lowbit::per_tensor(), lowbit::per_channel(0), lowbit::per_group(1, 64)}) {
        for (const bool symmetric : {true, false}) {
            const affine scheme{.bits = 3, .symmetric = symmetric, .granularity = granularity};
            const auto q = lowbit::gptq(w, gram, scheme);
            CHECK(lowbit::gptq(w, gram, scheme, {}, pool) == q);
            const double nearest = lowbit::output_error(w, lowbit::dequantize(lowbit::quantize(w, scheme)), gram);
            CHECK(lowbit::output_error(w, lowbit::dequantize(q), gram) < 0.6 * nearest);
            const auto ordered = lowbit::gptq(w, gram, scheme, {.activation_order = true});
            CHECK(lowbit::output_error(w, lowbit::dequantize(ordered), gram) < 0.6 * nearest);
        }
    }
}

TEST_CASE("convolution weights are columns of patches") {
    const auto w = gaussian({8, 3, 3, 4}, 3);
    const auto gram = gram_of(gaussian({400, 36}, 4, 0.8f));
    const auto q = lowbit::gptq(w, gram, affine{.bits = 4, .granularity = lowbit::per_channel(0)});
    CHECK(q.shape() == w.shape());
}

TEST_CASE("k-means codebooks gain too, and what comes out is of the book") {
    const auto w = gaussian({32, 96}, 5);
    const auto gram = gram_of(gaussian({300, 96}, 6, 0.8f));
    const auto book = lowbit::kmeans_codebook(w, 8);
    const auto result = lowbit::gptq(w, gram, lowbit::codebook_rounding(book.centroids));
    for (const float x : result.weights) {
        REQUIRE(std::find(book.centroids.begin(), book.centroids.end(), x) != book.centroids.end());
    }
    const auto nearest = lowbit::dequantize(lowbit::quantize(w, book));
    CHECK(lowbit::output_error(w, result.weights, gram) < 0.6 * lowbit::output_error(w, nearest, gram));
}

TEST_CASE("block formats gain too, also in blocks that straddle the lazy updates") {
    const auto w = gaussian({16, 200}, 7);
    const auto gram = gram_of(gaussian({500, 200}, 8, 0.8f));
    const std::vector<float> levels{-6, -4, -3, -2, -1.5, -1, -.5, 0, .5, 1, 1.5, 2, 3, 4, 6};
    const auto scale_of = [](std::span<const float> block) {
        const float largest = amax(lowbit::finite_range(block, "block"));
        return largest > 0 ? std::ldexp(1.0f, lowbit::floor_log2(largest) - 2) : 0.0f;
    };
    for (const std::ptrdiff_t block : {32, 48}) {
        const lowbit::block_rounding rounding(levels, block, scale_of);
        const auto result = lowbit::gptq(w, gram, rounding);
        tensor<float> nearest(w.shape());
        for (std::ptrdiff_t i = 0; i < w.size(); ++i) {
            const std::ptrdiff_t first = i / 200 * 200 + i % 200 / block * block;
            const std::ptrdiff_t size = std::min<std::ptrdiff_t>(block, (i / 200 + 1) * 200 - first);
            const float scale = scale_of({w.data() + first, static_cast<std::size_t>(size)});
            float best = 0;
            for (const float level : levels) {
                if (std::abs(w[i] - scale * level) < std::abs(w[i] - best)) best = scale * level;
            }
            nearest[i] = best;
        }
        CHECK(lowbit::output_error(w, result.weights, gram) < 0.7 * lowbit::output_error(w, nearest, gram));
        CHECK_THROWS_WITH(lowbit::gptq(w, gram, rounding, {.activation_order = true}), Catch::Contains("group"));
    }
}

TEST_CASE("inputs that are always zero, and matrices of low rank") {
    auto inputs = gaussian({20, 64}, 9);  // fewer rows than columns
    for (std::ptrdiff_t i = 0; i < inputs.size(); ++i) {
        if (i % 64 == 5 || i % 64 == 60) inputs[i] = 0;
    }
    const auto w = gaussian({8, 64}, 10);
    const lowbit::affine scheme{.bits = 4, .granularity = lowbit::per_channel(0)};
    const lowbit::affine_rounding rounding(scheme, w.shape(), lowbit::choose_params(w, scheme));
    const auto result = lowbit::gptq(w, gram_of(inputs), rounding);
    CHECK(result.dead_columns == 2);
    for (std::ptrdiff_t row = 0; row < 8; ++row) CHECK((result.weights(row, 5) == 0 && result.weights(row, 60) == 0));

    Eigen::MatrixXd indefinite = Eigen::MatrixXd::Identity(64, 64);
    indefinite(0, 1) = indefinite(1, 0) = 1.05;
    CHECK(lowbit::gptq(w, indefinite, rounding).damping == Approx(0.1));
    indefinite(0, 1) = indefinite(1, 0) = 50;
    CHECK_THROWS_WITH(lowbit::gptq(w, indefinite, rounding), Catch::Contains("damping"));
    CHECK_THROWS_WITH(lowbit::gptq(w, Eigen::MatrixXd::Identity(32, 32), rounding), Catch::Contains("64 inputs"));
    indefinite(3, 3) = -1;
    CHECK_THROWS_WITH(lowbit::gptq(w, indefinite, rounding), Catch::Contains("element 3"));
}
