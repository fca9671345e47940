// SPDX-License-Identifier: Apache-2.0
/// @file
/// The integer operations of a network as plain loops: what every fast kernel must equal, bit for bit.
///
///     q_y = clamp(Z_y + rescale(Σ (q_x − Z_x)(q_w − Z_w) + q_b, M[c]))
///
/// Sums are kept in 64 bits. Nothing allocates, nothing throws, and no floating-point instruction is executed (but by
/// float outputs): the file builds with -mgeneral-regs-only. Shapes must be `valid`; Jacob et al. (2018), section 2.
#pragma once

#include <lowbit/kernels/requantize.hpp>
#include <lowbit/kernels/shape.hpp>

namespace lowbit::reference {

/// y[rows, out] from x[rows, in] and w[out, in]. X and W: int8 or uint8; Y: int8, uint8, int32 or float.
template <class X, class W, class Y>
void linear(std::ptrdiff_t rows, const linear_shape& shape, const X* x, std::int32_t x_zero, const W* w,
            std::span<const std::int32_t> w_zero, const output_stage& stage, Y* y) {
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
        for (std::ptrdiff_t c = 0; c < shape.out; ++c) {
            const std::int32_t zero = detail::at_channel(w_zero, c);
            std::int64_t acc = 0;
            for (std::ptrdiff_t k = 0; k < shape.in; ++k)
                acc += std::int64_t{x[row * shape.in + k] - x_zero} * (w[c * shape.in + k] - zero);
            y[row * shape.out + c] = apply_stage<Y>(stage, acc, c);
        }
    }
}

/// y[batch, out_height, out_width, out_channels] from x[batch, height, width, channels] and w in OHWI order. What the
/// window sees beside the image is Z_x, so that it adds nothing.
template <class X, class W, class Y>
void conv2d(std::ptrdiff_t batch, const conv2d_shape& shape, const X* x, std::int32_t x_zero, const W* w,
            std::span<const std::int32_t> w_zero, const output_stage& stage, Y* y) {
    const window2d& window = shape.window;
    const std::ptrdiff_t depth = shape.group_channels(), group_out = shape.out_channels / shape.groups;
    for (std::ptrdiff_t n = 0; n < batch; ++n, x += shape.height * shape.width * shape.channels) {
        for (std::ptrdiff_t oy = 0; oy < shape.out_height(); ++oy) {
            for (std::ptrdiff_t ox = 0; ox < shape.out_width(); ++ox) {
                for (std::ptrdiff_t c = 0; c < shape.out_channels; ++c) {
                    const std::int32_t zero = detail::at_channel(w_zero, c);
                    const W* kernel = w + c * shape.depth();
                    std::int64_t acc = 0;
                    for (std::ptrdiff_t ky = 0; ky < window.kernel_height; ++ky) {
                        const std::ptrdiff_t iy =
                            oy * window.stride_height + ky * window.dilation_height - window.pad_top;
                        for (std::ptrdiff_t kx = 0; kx < window.kernel_width; ++kx, kernel += depth) {
                            const std::ptrdiff_t ix =
                                ox * window.stride_width + kx * window.dilation_width - window.pad_left;
                            if (iy < 0 || iy >= shape.height || ix < 0 || ix >= shape.width) continue;
                            const X* pixel = x + (iy * shape.width + ix) * shape.channels + c / group_out * depth;
                            for (std::ptrdiff_t k = 0; k < depth; ++k)
                                acc += std::int64_t{pixel[k] - x_zero} * (kernel[k] - zero);
                        }
                    }
                    *y++ = apply_stage<Y>(stage, acc, c);
                }
            }
        }
    }
}

/// A convolution in groups of one channel; w is [channels·multiplier, kernel_height, kernel_width].
template <class X, class W, class Y>
void depthwise(std::ptrdiff_t batch, const depthwise_shape& shape, const X* x, std::int32_t x_zero, const W* w,
               std::span<const std::int32_t> w_zero, const output_stage& stage, Y* y) {
    conv2d(batch, shape.as_conv2d(), x, x_zero, w, w_zero, stage, y);
}

namespace detail {

/// Calls visit(pixel) for each pixel of the image under a window, pixel being its index in the image.
template <class Visit>
constexpr void for_each_tap(const pool2d_shape& shape, std::ptrdiff_t oy, std::ptrdiff_t ox, Visit visit) {
    const window2d& window = shape.window;
    for (std::ptrdiff_t ky = 0; ky < window.kernel_height; ++ky) {
        const std::ptrdiff_t iy = oy * window.stride_height + ky - window.pad_top;
        if (iy < 0 || iy >= shape.height) continue;
        for (std::ptrdiff_t kx = 0; kx < window.kernel_width; ++kx) {
            const std::ptrdiff_t ix = ox * window.stride_width + kx - window.pad_left;
            if (ix >= 0 && ix < shape.width) visit(iy * shape.width + ix);
        }
    }
}

/// ⌊sum/count + 1/2⌋.
constexpr std::int64_t rounded_mean(std::int64_t sum, std::int64_t count) {
    const std::int64_t doubled = 2 * sum + count, quotient = doubled / (2 * count);
    return quotient - (doubled % (2 * count) < 0 ? 1 : 0);
}

}  // namespace detail

/// The largest code under each window. Scale and zero point stay those of the input.
template <class T>
void max_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, code_range clamp, T* y) {
    for (std::ptrdiff_t n = 0; n < batch; ++n, x += shape.height * shape.width * shape.channels)
        for (std::ptrdiff_t oy = 0; oy < shape.out_height(); ++oy)
            for (std::ptrdiff_t ox = 0; ox < shape.out_width(); ++ox)
                for (std::ptrdiff_t c = 0; c < shape.channels; ++c) {
                    T most = std::numeric_limits<T>::min();
                    detail::for_each_tap(shape, oy, ox, [&](std::ptrdiff_t pixel) {
                        const T code = x[pixel * shape.channels + c];
                        most = code > most ? code : most;
                    });
                    *y++ = lowbit::detail::clamp_code<T>(most, clamp);
                }
}

/// The mean over the pixels that exist under each window, halves toward +infinity. Scale and zero point stay.
template <class T>
void average_pool(std::ptrdiff_t batch, const pool2d_shape& shape, const T* x, code_range clamp, T* y) {
    for (std::ptrdiff_t n = 0; n < batch; ++n, x += shape.height * shape.width * shape.channels)
        for (std::ptrdiff_t oy = 0; oy < shape.out_height(); ++oy)
            for (std::ptrdiff_t ox = 0; ox < shape.out_width(); ++ox)
                for (std::ptrdiff_t c = 0; c < shape.channels; ++c) {
                    std::int64_t sum = 0, count = 0;
                    detail::for_each_tap(shape, oy, ox, [&](std::ptrdiff_t pixel) {
                        sum += x[pixel * shape.channels + c];
                        ++count;
                    });
                    *y++ = lowbit::detail::clamp_code<T>(detail::rounded_mean(sum, count), clamp);
                }
}

/// The mean over all pixels: y[batch, channels].
template <class T>
void global_average_pool(std::ptrdiff_t batch, std::ptrdiff_t pixels, std::ptrdiff_t channels, const T* x,
                         code_range clamp, T* y) {
    for (std::ptrdiff_t n = 0; n < batch; ++n)
        for (std::ptrdiff_t c = 0; c < channels; ++c) {
            std::int64_t sum = 0;
            for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel) sum += x[(n * pixels + pixel) * channels + c];
            y[n * channels + c] = lowbit::detail::clamp_code<T>(detail::rounded_mean(sum, pixels), clamp);
        }
}

/// Outputs from int32 accumulators [rows, channels].
template <class Y>
void requantize(std::ptrdiff_t rows, std::ptrdiff_t channels, const std::int32_t* acc, const output_stage& stage,
                Y* y) {
    for (std::ptrdiff_t i = 0; i < rows * channels; ++i) y[i] = apply_stage<Y>(stage, acc[i], i % channels);
}

}  // namespace lowbit::reference
