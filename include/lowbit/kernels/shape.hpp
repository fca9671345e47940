// SPDX-License-Identifier: Apache-2.0
/// @file
/// The shapes of the problems that kernels solve: plain aggregates, checked by `valid`.
///
/// Activations are NHWC; weights have the output channel first: linear [out, in], conv2d OHWI
/// [out, kernel_height, kernel_width, channels/groups], depthwise [channels·multiplier, kernel_height, kernel_width].
#pragma once

#include <cstddef>

namespace lowbit {

/// y[out] = W[out, in]·x[in] + b[out]; the number of rows is given to each run.
struct linear_shape {
    std::ptrdiff_t in = 0, out = 0;
};

/// How a window moves over an image: what convolution and pooling share.
struct window2d {
    std::ptrdiff_t kernel_height = 1, kernel_width = 1;
    std::ptrdiff_t stride_height = 1, stride_width = 1;
    std::ptrdiff_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
    std::ptrdiff_t dilation_height = 1, dilation_width = 1;

    /// Input pixels that a window spans along an axis, gaps included.
    constexpr std::ptrdiff_t span_height() const { return (kernel_height - 1) * dilation_height + 1; }
    constexpr std::ptrdiff_t span_width() const { return (kernel_width - 1) * dilation_width + 1; }
};

/// A convolution of images [height, width, channels]; the batch is given to each run.
struct conv2d_shape {
    std::ptrdiff_t height = 0, width = 0, channels = 0, out_channels = 0;
    window2d window = {};
    std::ptrdiff_t groups = 1;

    constexpr std::ptrdiff_t out_height() const {
        return (height + window.pad_top + window.pad_bottom - window.span_height()) / window.stride_height + 1;
    }
    constexpr std::ptrdiff_t out_width() const {
        return (width + window.pad_left + window.pad_right - window.span_width()) / window.stride_width + 1;
    }
    /// Input values of an output channel at one tap.
    constexpr std::ptrdiff_t group_channels() const { return channels / groups; }
    /// Weights of an output channel.
    constexpr std::ptrdiff_t depth() const { return window.kernel_height * window.kernel_width * group_channels(); }
};

/// Each channel by itself: output channel c·multiplier + j sees input channel c only.
struct depthwise_shape {
    std::ptrdiff_t height = 0, width = 0, channels = 0;
    window2d window = {};
    std::ptrdiff_t multiplier = 1;

    constexpr std::ptrdiff_t out_channels() const { return channels * multiplier; }
    /// The same as a convolution in groups of one channel.
    constexpr conv2d_shape as_conv2d() const { return {height, width, channels, out_channels(), window, channels}; }
};

/// Pooling over images [height, width, channels]; windows see no padding: only the pixels that exist count.
struct pool2d_shape {
    std::ptrdiff_t height = 0, width = 0, channels = 0;
    window2d window = {};

    constexpr conv2d_shape as_conv2d() const { return {height, width, channels, channels, window, channels}; }
    constexpr std::ptrdiff_t out_height() const { return as_conv2d().out_height(); }
    constexpr std::ptrdiff_t out_width() const { return as_conv2d().out_width(); }
};

constexpr bool valid(const linear_shape& shape) { return shape.in >= 0 && shape.out >= 0; }

constexpr bool valid(const window2d& w) {
    return w.kernel_height > 0 && w.kernel_width > 0 && w.stride_height > 0 && w.stride_width > 0 &&
           w.dilation_height > 0 && w.dilation_width > 0 && w.pad_top >= 0 && w.pad_bottom >= 0 && w.pad_left >= 0 &&
           w.pad_right >= 0;
}

/// At least one output pixel, and groups that divide the channels of both sides.
constexpr bool valid(const conv2d_shape& s) {
    return valid(s.window) && s.height > 0 && s.width > 0 && s.channels > 0 && s.out_channels > 0 && s.groups > 0 &&
           s.channels % s.groups == 0 && s.out_channels % s.groups == 0 &&
           s.height + s.window.pad_top + s.window.pad_bottom >= s.window.span_height() &&
           s.width + s.window.pad_left + s.window.pad_right >= s.window.span_width();
}

constexpr bool valid(const depthwise_shape& s) { return s.multiplier > 0 && valid(s.as_conv2d()); }

/// Besides: no dilation, and padding smaller than the window, so that each window sees at least one pixel.
constexpr bool valid(const pool2d_shape& s) {
    const window2d& w = s.window;
    return valid(s.as_conv2d()) && w.dilation_height == 1 && w.dilation_width == 1 && w.pad_top < w.kernel_height &&
           w.pad_bottom < w.kernel_height && w.pad_left < w.kernel_width && w.pad_right < w.kernel_width;
}

}  // namespace lowbit
