// SPDX-License-Identifier: Apache-2.0
/// @file
/// Max, average and global average pooling of 8-bit codes (T: int8 or uint8), NHWC. Scale and zero point of the output
/// are those of the input; a clamp may be fused. Integers only; the loops of reference.hpp are normative.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/isa/gemm.hpp>
#include <lowbit/kernels/reference.hpp>

#include <algorithm>

namespace lowbit {

namespace detail {

/// Calls window(task, pixel) for each output pixel of one image: the task describes the window, its y the outputs.
template <class T, class Window>
void for_each_window(const pool2d_shape& shape, const T* x, T* y, code_range clamp, Window window) {
    const window2d& w = shape.window;
    const std::int32_t offset = code_type_of<T> == code_type::s8 ? 128 : 0;
    pool_task task{.x = reinterpret_cast<const std::uint8_t*>(x), .width = shape.width, .channels = shape.channels};
    task.flip = static_cast<std::uint8_t>(offset);
    task.lowest = clamp_code<std::uint8_t>(std::int64_t{clamp.lowest} + offset);
    task.highest = clamp_code<std::uint8_t>(std::int64_t{clamp.highest} + offset);
    for (std::ptrdiff_t oy = 0; oy < shape.out_height(); ++oy) {
        task.top = std::max<std::ptrdiff_t>(oy * w.stride_height - w.pad_top, 0);
        task.bottom = std::min(oy * w.stride_height - w.pad_top + w.kernel_height, shape.height);
        for (std::ptrdiff_t ox = 0; ox < shape.out_width(); ++ox, y += shape.channels) {
            task.left = std::max<std::ptrdiff_t>(ox * w.stride_width - w.pad_left, 0);
            task.right = std::min(ox * w.stride_width - w.pad_left + w.kernel_width, shape.width);
            task.y = reinterpret_cast<std::uint8_t*>(y);
            window(task);
        }
    }
}

/// Means of the channels [first, channels) of a window, one by one.
template <class T>
void mean_channels(const pool_task& task, std::ptrdiff_t first, code_range clamp) {
    const T* const x = reinterpret_cast<const T*>(task.x);
    for (std::ptrdiff_t c = first; c < task.channels; ++c) {
        std::int64_t sum = 0;
        for (std::ptrdiff_t iy = task.top; iy < task.bottom; ++iy)
            for (std::ptrdiff_t ix = task.left; ix < task.right; ++ix)
                sum += x[(iy * task.width + ix) * task.channels + c];
        const std::int64_t count = (task.bottom - task.top) * (task.right - task.left);
        reinterpret_cast<T*>(task.y)[c] = clamp_code<T>(reference::detail::rounded_mean(sum, count), clamp);
    }
}

template <class T>
void average_pool_image(const pool2d_shape& shape, const T* x, T* y, code_range clamp) {
    for_each_window(shape, x, y, clamp, [&](const pool_task& task) {
        const bool few = (task.bottom - task.top) * (task.right - task.left) <= 1024;
        mean_channels<T>(task, few ? mean_window_for(active_isa(), task) : 0, clamp);
    });
}

}  // namespace detail

/// y[batch, out_height, out_width, channels]: the largest code under each window. O(pixels·window).
template <class T>
void max_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, T* y, code_range clamp = {},
              const executor& threads = {}) {
    const std::ptrdiff_t in = shape.height * shape.width * shape.channels;
    const std::ptrdiff_t out = shape.out_height() * shape.out_width() * shape.channels;
    threads.parallel_for(batch, [&](std::ptrdiff_t n) {
        if (!includes(active_isa(), isa::avx2)) return reference::max_pool(1, shape, x + n * in, clamp, y + n * out);
        detail::for_each_window(shape, x + n * in, y + n * out, clamp,
                                [](const detail::pool_task& task) { detail::max_window_for(active_isa(), task); });
    });
}

/// The mean over the pixels that exist under each window, rounded once, halves toward +infinity.
template <class T>
void average_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, T* y, code_range clamp = {},
                  const executor& threads = {}) {
    const std::ptrdiff_t in = shape.height * shape.width * shape.channels;
    const std::ptrdiff_t out = shape.out_height() * shape.out_width() * shape.channels;
    threads.parallel_for(batch,
                         [&](std::ptrdiff_t n) { detail::average_pool_image(shape, x + n * in, y + n * out, clamp); });
}

/// y[batch, channels]: the mean over all pixels, rounded once, halves toward +infinity.
template <class T>
void global_average_pool(std::ptrdiff_t batch, std::ptrdiff_t pixels, std::ptrdiff_t channels, const T* x, T* y,
                         code_range clamp = {}, const executor& threads = {}) {
    const pool2d_shape all{pixels, 1, channels, {.kernel_height = pixels}};
    threads.parallel_for(batch, [&](std::ptrdiff_t n) {
        detail::average_pool_image(all, x + n * pixels * channels, y + n * channels, clamp);
    });
}

}  // namespace lowbit
