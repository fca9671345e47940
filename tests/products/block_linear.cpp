// SPDX-License-Identifier: Apache-2.0
#include <lowbit/products/block_linear.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using schemes_test::golden_gaussian;

TEST_CASE("dynamic int8: exactly the products of the dequantized operands") {
    for (const char* text : {"int8", "int8:channel=0", "int4:group=32", "int4:group=32:asymmetric", "int4:group=24@1",
                             "uint8:channel=0:asymmetric"}) {
        CAPTURE(text);
        const any_quantized chosen = quantize(golden_gaussian({11, 72}), parse_scheme(text));
        const auto& weights = std::get<affine_tensor>(chosen.value());
        tensor<float> x({3, 72});
        for (std::ptrdiff_t i = 0; i < x.size(); ++i)
            x[i] = std::sin(static_cast<float>(i)) * static_cast<float>(1 + i / 72);
        const std::vector<float> bias(11, 0.25f);
        const tensor<float> y = dynamic_linear(x, weights, bias);
        REQUIRE(y.shape() == tensor_shape{3, 11});
        const auto& how = weights.scheme().granularity;
        const std::ptrdiff_t group = how.kind == sharing::group ? how.size : 72;
        const auto x_hat = dequantize(quantize(x, affine{.granularity = per_group(1, group)}));
        const auto w_hat = dequantize(weights);
        for (std::ptrdiff_t row = 0; row < 3; ++row) {
            for (std::ptrdiff_t out = 0; out < 11; ++out) {
                double sum = 0.25, exact = 0.25;
                for (std::ptrdiff_t i = 0; i < 72; ++i) {
                    sum += static_cast<double>(x_hat(row, i)) * static_cast<double>(w_hat(out, i));
                    exact += static_cast<double>(x(row, i)) * static_cast<double>(w_hat(out, i));
                }
                CHECK(static_cast<double>(y(row, out)) == Approx(sum).margin(1e-4));
                CHECK(static_cast<double>(y(row, out)) ==
                      Approx(exact).margin(0.15 * (1.0 + static_cast<double>(row))));
            }
        }
        two_threads pool;
        CHECK(dynamic_linear(x, weights, bias, pool) == y);
    }
}

TEST_CASE("dynamic int8: what it refuses") {
    const auto x = golden_gaussian({2, 64});
    CHECK_THROWS_WITH(dynamic_linear(x, quantize(golden_gaussian({4, 64}), affine{.bits = 12})),
                      Catch::Contains("at most 8"));
    CHECK_THROWS_WITH(dynamic_linear(x, quantize(golden_gaussian({4, 64}), affine{.granularity = per_group(0, 2)})),
                      Catch::Contains("groups of the last"));
    CHECK_THROWS_WITH(dynamic_linear(x, quantize(golden_gaussian({4, 65}), affine{})), Catch::Contains("must be 65"));
}

TEST_CASE("VS-Quant: the product of the dequantized operands, rounded once") {
    for (const vsq& scheme : {vsq{}, vsq{.bits = 8, .scale_bits = 10}, vsq{.bits = 3, .scale_bits = 4, .vector = 7},
                              vsq{.gamma = vsq_gamma_of::tensor}}) {
        vsq unsigned_scheme = scheme;
        unsigned_scheme.is_signed = false;
        tensor<float> positive = golden_gaussian({5, 50});
        for (float& v : positive) v = std::max(v, 0.0f);
        const auto weights = quantize(golden_gaussian({9, 50}), scheme);
        for (const auto& x : {quantize(golden_gaussian({5, 50}), scheme), quantize(positive, unsigned_scheme)}) {
            const tensor<float> y = linear(x, weights);
            const auto x_hat = dequantize(x), w_hat = dequantize(weights);
            for (std::ptrdiff_t row = 0; row < 5; ++row) {
                for (std::ptrdiff_t out = 0; out < 9; ++out) {
                    double sum = 0;
                    for (std::ptrdiff_t i = 0; i < 50; ++i) {
                        sum += static_cast<double>(x_hat(row, i)) * static_cast<double>(w_hat(out, i));
                    }
                    CHECK(static_cast<double>(y(row, out)) == Approx(sum).margin(1e-5));
                }
            }
        }
    }
    CHECK_THROWS_WITH(
        linear(quantize(golden_gaussian({2, 32}), vsq{}), quantize(golden_gaussian({2, 32}), vsq{.vector = 8})),
        Catch::Contains("vectors of 16 against vectors of 8"));
}

TEST_CASE("OCP MX: the product of the dequantized operands, also of different element types") {
    for (const mx_element a :
         {mx_element::e4m3, mx_element::e5m2, mx_element::e3m2, mx_element::e2m3, mx_element::e2m1, mx_element::int8}) {
        for (const mx_element b : {a, mx_element::e2m1}) {
            const auto x = quantize(golden_gaussian({5, 70}), ocp_mx{.element = a});
            const auto weights = quantize(golden_gaussian({9, 70}), ocp_mx{.element = b});
            const std::vector<float> bias(9, -1.5f);
            const tensor<float> y = linear(x, weights, bias);
            const auto x_hat = dequantize(x), w_hat = dequantize(weights);
            for (std::ptrdiff_t row = 0; row < 5; ++row) {
                for (std::ptrdiff_t out = 0; out < 9; ++out) {
                    double sum = -1.5;
                    for (std::ptrdiff_t i = 0; i < 70; ++i) {
                        sum += static_cast<double>(x_hat(row, i)) * static_cast<double>(w_hat(out, i));
                    }
                    CHECK(y(row, out) == static_cast<float>(sum));  // float64 sums of so few bits are exact
                }
            }
        }
    }
    tensor<float> x = golden_gaussian({2, 64});
    x(1, 3) = INFINITY;
    const tensor<float> y = linear(quantize(x, mxfp4{}), quantize(golden_gaussian({3, 64}), mxfp4{}));
    CHECK_FALSE(is_nan(y(0, 0)));
    CHECK(is_nan(y(1, 2)));
    CHECK_THROWS_WITH(linear(quantize(x, ocp_mx{.axis = 0}), quantize(golden_gaussian({3, 64}), mxfp4{})),
                      Catch::Contains("last axis"));
}
