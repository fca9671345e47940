// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/shape.hpp>

#include <catch2/catch.hpp>

using lowbit::conv2d_shape;
using lowbit::pool2d_shape;
using lowbit::window2d;

TEST_CASE("output extents of a convolution") {
    conv2d_shape shape{28, 20, 3, 8, {.kernel_height = 3, .kernel_width = 5}};
    CHECK(shape.out_height() == 26);
    CHECK(shape.out_width() == 16);
    CHECK(shape.depth() == 45);
    shape.window.pad_top = shape.window.pad_bottom = 1;
    shape.window.stride_width = 2;
    CHECK(shape.out_height() == 28);
    CHECK(shape.out_width() == 8);
    shape.window.dilation_height = 4;
    CHECK(shape.window.span_height() == 9);
    CHECK(shape.out_height() == 22);
    CHECK(valid(shape));
}

TEST_CASE("groups divide the channels of both sides") {
    const conv2d_shape shape{5, 5, 6, 9, {}, 3};
    CHECK(valid(shape));
    CHECK(shape.group_channels() == 2);
    CHECK_FALSE(valid(conv2d_shape{5, 5, 6, 8, {}, 3}));
    CHECK_FALSE(valid(conv2d_shape{5, 5, 7, 9, {}, 3}));
    CHECK_FALSE(valid(conv2d_shape{5, 5, 6, 9, {}, 0}));
}

TEST_CASE("shapes that cannot be computed are not valid") {
    CHECK_FALSE(valid(conv2d_shape{2, 5, 1, 1, {.kernel_height = 3}}));
    CHECK(valid(conv2d_shape{2, 5, 1, 1, {.kernel_height = 3, .pad_bottom = 1}}));
    CHECK_FALSE(valid(conv2d_shape{5, 5, 1, 1, {.stride_height = 0}}));
    CHECK_FALSE(valid(conv2d_shape{5, 5, 1, 1, {.pad_left = -1}}));
    CHECK_FALSE(valid(conv2d_shape{5, 5, 1, 1, {.dilation_width = 0}}));
    CHECK_FALSE(valid(conv2d_shape{0, 5, 1, 1, {}}));
    CHECK(valid(lowbit::linear_shape{0, 4}));
    CHECK_FALSE(valid(lowbit::linear_shape{-1, 4}));
}

TEST_CASE("depthwise is a convolution in groups of one channel") {
    const lowbit::depthwise_shape shape{9, 9, 4, {.kernel_height = 3, .kernel_width = 3}, 2};
    CHECK(shape.out_channels() == 8);
    CHECK(shape.as_conv2d().groups == 4);
    CHECK(shape.as_conv2d().depth() == 9);
    CHECK(valid(shape));
    CHECK_FALSE(valid(lowbit::depthwise_shape{9, 9, 4, {}, 0}));
}

TEST_CASE("a pooling window always sees a pixel") {
    pool2d_shape shape{8, 6, 3, {.kernel_height = 2, .kernel_width = 2, .stride_height = 2, .stride_width = 2}};
    CHECK(valid(shape));
    CHECK(shape.out_height() == 4);
    CHECK(shape.out_width() == 3);
    shape.window.pad_top = 1;
    CHECK(valid(shape));
    shape.window.pad_top = 2;
    CHECK_FALSE(valid(shape));
    shape.window.pad_top = 0;
    shape.window.dilation_width = 2;
    CHECK_FALSE(valid(shape));
}
