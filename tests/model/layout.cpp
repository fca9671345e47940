// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/layout.hpp>

#include <catch2/catch.hpp>

#include <numeric>

using namespace lowbit;

namespace {

tensor<int> counting(const tensor_shape& shape) {
    tensor<int> x(shape);
    std::iota(x.begin(), x.end(), 0);
    return x;
}

}  // namespace

TEST_CASE("layouts: every element moves to its place, and back") {
    const auto x = counting({2, 3, 4, 5});
    const auto y = nhwc_from_nchw(x);
    REQUIRE(y.shape() == tensor_shape{2, 4, 5, 3});
    CHECK(y(1, 2, 3, 0) == x(1, 0, 2, 3));
    CHECK(y(0, 3, 4, 2) == x(0, 2, 3, 4));
    CHECK(nchw_from_nhwc(y) == x);
    const auto w = ohwi_from_oihw(x);
    CHECK(w(1, 3, 4, 2) == x(1, 2, 3, 4));
    const auto d = counting({1, 3, 2, 6});
    const auto e = depthwise_from_tflite(d);
    REQUIRE(e.shape() == tensor_shape{6, 3, 2, 1});
    CHECK(e(4, 2, 1, 0) == d(0, 2, 1, 4));
}

TEST_CASE("permute: any axes, and what is none") {
    const auto x = counting({2, 3});
    const auto y = permute(x.view(), std::array{1, 0});
    REQUIRE(y.shape() == tensor_shape{3, 2});
    CHECK(y(2, 1) == x(1, 2));
    CHECK_THROWS_AS(permute(x.view(), std::array{0, 0}), error);
    CHECK_THROWS_AS(permute(x.view(), std::array{0}), error);
    CHECK_THROWS_AS(nhwc_from_nchw(x), error);
    CHECK_THROWS_AS(depthwise_from_tflite(counting({2, 1, 1, 1})), error);
}
