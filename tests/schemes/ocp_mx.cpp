// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/ocp_mx.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("every OCP MX scheme, every scale rule") {
    for (const mx_element element :
         {mx_element::e4m3, mx_element::e5m2, mx_element::e3m2, mx_element::e2m3, mx_element::e2m1, mx_element::int8}) {
        for (const mx_scale scale :
             {mx_scale::floor, mx_scale::ceil, mx_scale::even, mx_scale::roundup, mx_scale::mse}) {
            check_scheme(ocp_mx{.element = element, .scale = scale}, 16.5, true);
        }
        check_scheme(ocp_mx{.element = element, .ties = ties::away}, 16.5, true);
        check_stores_nan(ocp_mx{.element = element});
    }
}

TEST_CASE("names of OCP MX schemes, and what they take") {
    CHECK(mxfp4{} == ocp_mx{.element = mx_element::e2m1});
    CHECK(parse_scheme("mxfp8e4m3") == any_scheme(mxfp8e4m3{}));
    CHECK(parse_scheme("mxfp8e5m2") == any_scheme(mxfp8e5m2{}));
    CHECK(parse_scheme("mxfp6e3m2") == any_scheme(mxfp6e3m2{}));
    CHECK(parse_scheme("mxfp6e2m3") == any_scheme(mxfp6e2m3{}));
    CHECK(parse_scheme("mxfp4") == any_scheme(mxfp4{}));
    CHECK(parse_scheme("mxint8:ties=away:scale=mse:axis=0") ==
          any_scheme(ocp_mx{mx_element::int8, mx_scale::mse, ties::away, 0}));
    CHECK_THROWS_WITH(parse_scheme("mxfp4:block=16"), Catch::Contains("block") && Catch::Contains("does not apply"));
    CHECK_THROWS_WITH(parse_scheme("mxfp4:scale=up"), Catch::Contains("floor, ceil, even, roundup, mse"));
    const tensor_shape shape{64, 128};
    CHECK(bits_per_element(mxfp8e4m3{}, shape) == 8.25);
    CHECK(bits_per_element(mxfp6e3m2{}, shape) == 6.25);
    CHECK(bits_per_element(mxfp4{}, shape) == 4.25);
    CHECK(bits_per_element(mxint8{}, shape) == 8.25);
}

TEST_CASE("blocks along another axis are blocks of the transposed tensor") {
    const tensor<float> x = golden_gaussian({70, 9});
    tensor<float> transposed({9, 70});
    for (std::ptrdiff_t i = 0; i < 70; ++i) {
        for (std::ptrdiff_t j = 0; j < 9; ++j) transposed(j, i) = x(i, j);
    }
    std::vector<float> importance(630), transposed_importance(630);
    for (std::size_t i = 0; i < 630; ++i) {
        importance[i] = static_cast<float>(i % 7);
        transposed_importance[i % 9 * 70 + i / 9] = importance[i];
    }
    ocp_mx along{.scale = mx_scale::mse, .axis = 0};
    const auto q = quantize(x, along, importance);
    along.axis = 1;
    const auto expected = quantize(transposed, along, transposed_importance);
    CHECK(q.scales() == expected.scales());
    CHECK(q.packed() == expected.packed());
    const auto y = dequantize(q), expected_y = dequantize(expected);
    for (std::ptrdiff_t i = 0; i < 70; ++i) {
        for (std::ptrdiff_t j = 0; j < 9; ++j) {
            CHECK(y(i, j) == expected_y(j, i));
            CHECK(q.codes()(i, j) == expected.codes()(j, i));
        }
    }
    CHECK_THROWS_WITH(quantize(x, ocp_mx{.axis = 2}), Catch::Contains("axis 2"));
}

TEST_CASE("parts that do not fit are refused") {
    const auto q = quantize(golden_gaussian({4, 64}), mxfp4{});
    CHECK(mx_tensor(q.scheme(), q.shape(), q.packed(), q.scales()) == q);
    auto scales = q.scales();
    scales.pop_back();
    CHECK_THROWS_WITH(mx_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("7 scales for 8 blocks"));
    CHECK_THROWS_WITH(mx_tensor(mxint8{}, q.shape(), q.packed(), q.scales()), Catch::Contains("4 bits"));
    CHECK_THROWS_WITH(mx_tensor(q.scheme(), {4, 63}, q.packed(), q.scales()), Catch::Contains("256 codes"));
}

TEST_CASE("convolution weights go over the [out, rest] reshape") {
    const tensor<float> w = golden_gaussian({8, 3, 3, 3});
    const auto q = quantize(w.view().reshaped({8, 27}), mxfp4{});
    CHECK(q.scales().size() == 8);
}
