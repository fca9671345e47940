// SPDX-License-Identifier: Apache-2.0
#include <lowbit/products/linear.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using schemes_test::golden_gaussian;

namespace {

/// x·Wᵀ + b in float64.
std::vector<double> product(const tensor<float>& x, const tensor<float>& w, std::span<const float> bias) {
    const std::ptrdiff_t in = x.shape()[x.rank() - 1], rows = in == 0 ? 0 : x.size() / in, out = w.shape()[0];
    std::vector<double> y;
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
        for (std::ptrdiff_t o = 0; o < out; ++o) {
            double sum = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<std::size_t>(o)]);
            for (std::ptrdiff_t i = 0; i < in; ++i) {
                sum += static_cast<double>(x[row * in + i]) * static_cast<double>(w[o * in + i]);
            }
            y.push_back(sum);
        }
    }
    return y;
}

}  // namespace

TEST_CASE("float activations times weights of every scheme: the product with the dequantized weights") {
    for (const char* text : {"int8",
                             "int4:channel=0",
                             "int4:group=32",
                             "int3:group=5:asymmetric",
                             "int4:group=8@0",
                             "kmeans4",
                             "kmeans3:channel=0",
                             "vsq4s4v16",
                             "vsq3s5v7",
                             "vsq4s4v16:gamma=tensor",
                             "mx9",
                             "mx4",
                             "msfp12",
                             "mxfp8e4m3",
                             "mxfp6e3m2",
                             "mxfp4",
                             "mxint8",
                             "mxfp4:axis=0",
                             "nvfp4",
                             "nf4",
                             "nf4:double",
                             "iq4nl",
                             "q4_0",
                             "q8_0",
                             "q4_k",
                             "q6_k"}) {
        for (const tensor_shape& shape : {tensor_shape{19, 64}, {8, 33}, {3, 100}, {17, 3, 3, 5}}) {
            CAPTURE(text, to_string(shape));
            const auto q = quantize(golden_gaussian(shape), parse_scheme(text));
            const tensor<float> w = dequantize(q);
            const tensor<float> x = golden_gaussian({2, 3, shape.size_between(1, shape.rank())});
            std::vector<float> bias(static_cast<std::size_t>(shape[0]));
            for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i) * 0.5f;
            const tensor<float> y = linear(x, q, bias);
            REQUIRE(y.shape() == tensor_shape{2, 3, shape[0]});
            const auto expected = product(x, w, bias);
            for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
                REQUIRE(static_cast<double>(y[i]) == Approx(expected[static_cast<std::size_t>(i)]).margin(1e-5));
            }
            two_threads pool;
            CHECK(linear(x, q, bias, pool) == y);
        }
    }
}

TEST_CASE("a vector, no rows, no bias, float64 activations") {
    const auto q = quantize(golden_gaussian({5, 32}), mxfp4{});
    const std::vector<double> x(32, 0.5);
    const tensor<float> y = linear(x, q);
    REQUIRE(y.shape() == tensor_shape{5});
    const auto expected = product(tensor<float>({32}, 0.5f), dequantize(q), {});
    for (std::ptrdiff_t i = 0; i < 5; ++i)
        CHECK(static_cast<double>(y[i]) == Approx(expected[static_cast<std::size_t>(i)]));
    CHECK(linear(tensor<float>({0, 32}), q).shape() == tensor_shape{0, 5});
}

TEST_CASE("sizes that do not match are refused") {
    const auto q = quantize(golden_gaussian({5, 32}), mxfp4{});
    CHECK_THROWS_WITH(linear(golden_gaussian({2, 31}), q), Catch::Contains("[2, 31]") && Catch::Contains("must be 32"));
    CHECK_THROWS_WITH(linear(golden_gaussian({2, 32}), quantize(golden_gaussian({32}), mxfp4{})),
                      Catch::Contains("two axes"));
    CHECK_THROWS_WITH(linear(golden_gaussian({2, 32}), q, std::vector<float>(4)), Catch::Contains("4 biases for 5"));
}
