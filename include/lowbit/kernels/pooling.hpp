// SPDX-License-Identifier: Apache-2.0
/// @file
/// Max, average and global average pooling of 8-bit codes (T: int8 or uint8), NHWC. Scale and zero point of the output
/// are those of the input; a clamp may be fused. Integers only; the loops of reference.hpp are normative.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/kernels/reference.hpp>

namespace lowbit {

/// y[batch, out_height, out_width, channels]: the largest code under each window. O(pixels·window).
template <class T>
void max_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, T* y, code_range clamp = {},
              const executor& threads = {}) {
    const std::ptrdiff_t in = shape.height * shape.width * shape.channels;
    const std::ptrdiff_t out = shape.out_height() * shape.out_width() * shape.channels;
    threads.parallel_for(batch,
                         [&](std::ptrdiff_t n) { reference::max_pool(1, shape, x + n * in, clamp, y + n * out); });
}

/// The mean over the pixels that exist under each window, rounded once, halves toward +infinity.
template <class T>
void average_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, T* y, code_range clamp = {},
                  const executor& threads = {}) {
    const std::ptrdiff_t in = shape.height * shape.width * shape.channels;
    const std::ptrdiff_t out = shape.out_height() * shape.out_width() * shape.channels;
    threads.parallel_for(batch,
                         [&](std::ptrdiff_t n) { reference::average_pool(1, shape, x + n * in, clamp, y + n * out); });
}

/// y[batch, channels]: the mean over all pixels, rounded once, halves toward +infinity.
template <class T>
void global_average_pool(std::ptrdiff_t batch, std::ptrdiff_t pixels, std::ptrdiff_t channels, const T* x, T* y,
                         code_range clamp = {}, const executor& threads = {}) {
    threads.parallel_for(batch, [&](std::ptrdiff_t n) {
        reference::global_average_pool(1, pixels, channels, x + n * pixels * channels, clamp, y + n * channels);
    });
}

}  // namespace lowbit
