// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/dynamic_linear.hpp>
#include <lowbit/model/float_run.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

tensor<float> in_float(const tensor<float>& x, const tensor<float>& w, const tensor<float>& b) {
    graph g;
    g.output(g.linear(g.input(x.shape()), {.weights = w, .bias = b}));
    return float_run(g, x);
}

}  // namespace

TEST_CASE("dynamic quantization is the product of what was quantized, whatever has a zero point") {
    const bool symmetric_weights = GENERATE(true, false), symmetric_activations = GENERATE(true, false),
               is_signed = GENERATE(true, false);
    if (symmetric_activations && !is_signed) return;  // values of both signs
    const auto ranges = GENERATE(dynamic_range::per_tensor, dynamic_range::per_row);
    const auto x = networks::random({7, 33}, -1, 2, 1), w = networks::random({9, 33}, -0.5f, 1, 2),
               b = networks::random({9}, -1, 1, 3);
    const auto q = quantize(w, affine{.bits = 8, .symmetric = symmetric_weights, .granularity = per_channel(0)});
    const affine activations{.bits = 8, .symmetric = symmetric_activations, .is_signed = is_signed};
    affine shared = activations;
    if (ranges == dynamic_range::per_row) shared.granularity = per_channel(0);
    const auto y = dynamic_linear(q, b, ranges, activations).run(x);
    CHECK(max_error(in_float(dequantize(quantize(x, shared)), dequantize(q), b), y) < 1e-4);
    CHECK(sqnr_db(in_float(x, w, b), y) > 35);
}

TEST_CASE("per row keeps small rows that per tensor loses") {
    tensor<float> x = networks::random({4, 64}, -1, 1, 1);
    for (std::ptrdiff_t i = 0; i < 64; ++i) x[i] *= 1000;
    const auto w = networks::weights({8, 64}, 2);
    const auto q = quantize(w, affine{.bits = 8, .granularity = per_channel(0)});
    const auto truth = in_float(x, w, {});
    const auto last_row = [](const tensor<float>& y) { return tensor_view<const float>(y.data() + 24, {8}); };
    CHECK(sqnr_db(last_row(truth), last_row(dynamic_linear(q).run(x))) > 30);
    CHECK(sqnr_db(last_row(truth), last_row(dynamic_linear(q, {}, dynamic_range::per_tensor).run(x))) < 5);
}

TEST_CASE("any scheme, any leading axes, no rows") {
    const auto w = networks::weights({8, 64}, 2), x = networks::random({2, 3, 64}, -1, 1, 1);
    const dynamic_linear layer(any_quantized(quantize(w, affine{.bits = 4, .granularity = per_group(1, 16)})));
    const auto y = layer.run(x);
    CHECK(y.shape() == tensor_shape{2, 3, 8});
    CHECK(sqnr_db(in_float(x, w, {}), y) > 15);
    CHECK(layer.run(tensor<float>({0, 64})).shape() == tensor_shape{0, 8});
}

TEST_CASE("what does not fit is refused") {
    const auto q = any_quantized(quantize(networks::weights({8, 4}, 2), affine{}));
    CHECK_THROWS_AS(dynamic_linear(q, tensor<float>({7})), error);
    CHECK_THROWS_AS(dynamic_linear(quantize(tensor<float>({4}), affine{})), error);
    CHECK_THROWS_AS(dynamic_linear(q, {}, dynamic_range::per_row, {.bits = 9}), error);
    CHECK_THROWS_AS(dynamic_linear(q).run(tensor<float>({2, 5})), error);
    CHECK_THROWS_WITH(dynamic_linear(q).run(tensor<float>({1, 4}, std::numeric_limits<float>::infinity())),
                      Catch::Contains("index 0"));
}
