// SPDX-License-Identifier: Apache-2.0
/// @file
/// Forward and backward of convolution (patches gathered into a matrix, then a product; for images of one channel tap
/// by tap) and depthwise convolution. See layers.hpp for how they are called.
#pragma once

#include "blocks.hpp"

#include <lowbit/model/graph.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

namespace examples {

// ---------------------------------------------------------------------------------------------- sliding windows

/// The window of a node over its input, and the taps of each output position.
struct sliding_window {
    std::ptrdiff_t batch, in_h, in_w, in_c, out_h, out_w, kh, kw;
    lowbit::image_window window;

    sliding_window(const lowbit::node& n, const tensor_shape& in, const tensor_shape& out)
        : batch(in[0]),
          in_h(in[1]),
          in_w(in[2]),
          in_c(in[3]),
          out_h(out[1]),
          out_w(out[2]),
          kh(n.window.size[0]),
          kw(n.window.size[1]),
          window(n.window) {}

    std::ptrdiff_t in_pixels() const { return in_h * in_w; }
    std::ptrdiff_t out_pixels() const { return out_h * out_w; }
    std::ptrdiff_t patch() const { return kh * kw * in_c; }
    /// One tap on every pixel: a patch is the pixel itself.
    bool pointwise() const {
        return kh == 1 && kw == 1 && in_h == out_h && in_w == out_w && window.padding == lowbit::valid();
    }

    /// f(tap, offset of its input pixel's first channel) for the taps of output pixel p (over the batch) that lie
    /// inside the image.
    template <class Function>
    void for_taps(std::ptrdiff_t p, Function&& f) const {
        const std::ptrdiff_t image = p / out_pixels(), within = p % out_pixels();
        const std::ptrdiff_t top = within / out_w * window.stride[0] - window.padding.top;
        const std::ptrdiff_t left = within % out_w * window.stride[1] - window.padding.left;
        for (std::ptrdiff_t ky = 0; ky < kh; ++ky) {
            const std::ptrdiff_t iy = top + ky * window.dilation[0];
            if (iy < 0 || iy >= in_h) continue;
            for (std::ptrdiff_t kx = 0; kx < kw; ++kx) {
                const std::ptrdiff_t ix = left + kx * window.dilation[1];
                if (ix >= 0 && ix < in_w) f(ky * kw + kx, ((image * in_h + iy) * in_w + ix) * in_c);
            }
        }
    }
};

/// f(block, output pixel) over all images.
template <class Function>
void for_pixels(const sliding_window& s, const executor& threads, Function&& f) {
    for_blocks(s.batch, threads, [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t p = first * s.out_pixels(); p < last * s.out_pixels(); ++p) f(block, p);
    });
}

// -------------------------------------------------------------------------------------------------- convolution

/// A copy of a few images with their padding around them, or (`borrowed`) the images as they are where there is none.
template <class T>
class padded_images {
public:
    padded_images(const sliding_window& s, std::ptrdiff_t images)
        : s_(s),
          height_(s.in_h + s.window.padding.top + s.window.padding.bottom),
          width_(s.in_w + s.window.padding.left + s.window.padding.right) {
        if (!borrows()) values_.assign(static_cast<std::size_t>(images * height_ * width_ * s.in_c), T(0));
    }

    bool borrows() const { return height_ == s_.in_h && width_ == s_.in_w; }
    std::ptrdiff_t height() const { return height_; }
    std::ptrdiff_t width() const { return width_; }
    T* data() { return values_.data(); }

    /// f(offset in the images, offset here, length) for the rows of all images.
    template <class Function>
    void for_rows(Function&& f) const {
        const std::ptrdiff_t row = s_.in_w * s_.in_c, images = std::ssize(values_) / (height_ * width_ * s_.in_c);
        for (std::ptrdiff_t image = 0; image < images; ++image)
            for (std::ptrdiff_t y = 0; y < s_.in_h; ++y)
                f((image * s_.in_h + y) * row,
                  ((image * height_ + y + s_.window.padding.top) * width_ + s_.window.padding.left) * s_.in_c, row);
    }

private:
    const sliding_window& s_;
    std::ptrdiff_t height_, width_;
    std::vector<T> values_;
};

/// f(offset in the rows of patches, offset in the padded images, length) for the contiguous runs of the patches of
/// `rows` output pixels from `first` on.
template <class T, class Function>
void for_patch_runs(const sliding_window& s, const padded_images<T>& padded, std::ptrdiff_t first, std::ptrdiff_t rows,
                    Function&& f) {
    const bool contiguous = s.window.dilation[1] == 1;
    const std::ptrdiff_t runs = contiguous ? 1 : s.kw, length = s.kw / runs * s.in_c;
    std::ptrdiff_t image = first / s.out_pixels(), oy = first % s.out_pixels() / s.out_w, ox = first % s.out_w, at = 0;
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
        for (std::ptrdiff_t ky = 0; ky < s.kh; ++ky) {
            const std::ptrdiff_t y = image * padded.height() + oy * s.window.stride[0] + ky * s.window.dilation[0];
            const std::ptrdiff_t from = (y * padded.width() + ox * s.window.stride[1]) * s.in_c;
            for (std::ptrdiff_t run = 0; run < runs; ++run, at += length)
                f(at, from + run * s.window.dilation[1] * s.in_c, length);
        }
        if (++ox < s.out_w) continue;
        ox = 0;
        if (++oy < s.out_h) continue;
        oy = 0;
        ++image;
    }
}

/// A copy of some tens of bytes, for which a call of memcpy would be slow.
template <class T>
void copy_run(T* to, const T* from, std::ptrdiff_t n) {
    constexpr std::ptrdiff_t wide = 8;
    if (n < wide) {
        for (std::ptrdiff_t i = 0; i < n; ++i) to[i] = from[i];
        return;
    }
    // The last piece may write again what the one before it wrote.
    for (std::ptrdiff_t i = 0; i < n; i += wide) {
        const std::ptrdiff_t at = std::min(i, n - wide);
        std::memcpy(to + at, from + at, wide * sizeof(T));
    }
}

/// f(first pixel, pixels) over the output pixels of some images, as many at a time as stay in the nearest caches.
template <class Function>
void for_chunks(const sliding_window& s, std::ptrdiff_t images, Function&& f) {
    const std::ptrdiff_t most = s.pointwise() ? 1024 : std::max<std::ptrdiff_t>(24 * 1024 / s.patch(), 16);
    const std::ptrdiff_t last = images * s.out_pixels();
    for (std::ptrdiff_t p = 0; p < last; p += most) f(p, std::min(most, last - p));
}

/// A vector of output channels.
template <class T>
using channel_lanes = Eigen::Array<T, 16, 1>;

/// The rows of outputs of images of one channel, channels in vectors: calls f(offset of the row's first input in the
/// padded images, offset of its first output pixel).
template <class T, class Function>
void for_output_rows(const sliding_window& s, const padded_images<T>& padded, std::ptrdiff_t images, Function&& f) {
    for (std::ptrdiff_t image = 0; image < images; ++image)
        for (std::ptrdiff_t oy = 0; oy < s.out_h; ++oy)
            f((image * padded.height() + oy * s.window.stride[0]) * padded.width(), (image * s.out_h + oy) * s.out_w);
}

/// Images of one channel, whose patches are too short to gather: Σ over the taps of pixel times weights, for four
/// outputs at a time.
template <class T>
void one_channel_forward(const sliding_window& s, const padded_images<T>& padded, std::ptrdiff_t images,
                         const T* inputs, const tensor<T>& w, const tensor<T>& b, T* outputs) {
    const std::ptrdiff_t out_c = w.shape()[0];
    std::vector<channel_lanes<T>> taps(static_cast<std::size_t>(s.patch()));
    for (std::ptrdiff_t c0 = 0; c0 < out_c; c0 += 16) {
        const std::ptrdiff_t channels = std::min<std::ptrdiff_t>(16, out_c - c0);
        channel_lanes<T> start = channel_lanes<T>::Zero();
        if (!b.empty()) std::copy_n(b.data() + c0, channels, start.data());
        for (std::ptrdiff_t tap = 0; tap < s.patch(); ++tap)
            for (std::ptrdiff_t c = 0; c < 16; ++c)
                taps[static_cast<std::size_t>(tap)][c] = c < channels ? w[(c0 + c) * s.patch() + tap] : T(0);
        for_output_rows(s, padded, images, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
            const std::ptrdiff_t last = s.out_w - 1, step = s.window.stride[1];
            for (std::ptrdiff_t ox = 0; ox <= last; ox += 4) {
                // The last four may compute again what the ones before did.
                const std::ptrdiff_t x0 = std::max<std::ptrdiff_t>(std::min(ox, last - 3), 0);
                const std::ptrdiff_t x1 = std::min(x0 + 1, last), x2 = std::min(x0 + 2, last),
                                     x3 = std::min(x0 + 3, last);
                channel_lanes<T> y0 = start, y1 = start, y2 = start, y3 = start;
                const channel_lanes<T>* weights = taps.data();
                for (std::ptrdiff_t ky = 0; ky < s.kh; ++ky) {
                    const T* in = inputs + from + ky * s.window.dilation[0] * padded.width();
                    for (std::ptrdiff_t kx = 0; kx < s.kw; ++kx, ++weights, in += s.window.dilation[1]) {
                        y0 += in[x0 * step] * *weights;
                        y1 += in[x1 * step] * *weights;
                        y2 += in[x2 * step] * *weights;
                        y3 += in[x3 * step] * *weights;
                    }
                }
                T* out = outputs + to * out_c + c0;
                copy_run(out + x0 * out_c, y0.data(), channels);
                copy_run(out + x1 * out_c, y1.data(), channels);
                copy_run(out + x2 * out_c, y2.data(), channels);
                copy_run(out + x3 * out_c, y3.data(), channels);
            }
        });
    }
}

/// dW += Σ over the outputs of gradient times pixel; db += Σ gradients.
template <class T>
void one_channel_backward(const sliding_window& s, const padded_images<T>& padded, std::ptrdiff_t images,
                          const T* inputs, const T* output_gradients, std::ptrdiff_t out_c, T* dw, T* db) {
    const channel_lanes<T> zero = channel_lanes<T>::Zero();
    std::vector<channel_lanes<T>> sums(static_cast<std::size_t>(s.patch() + 2)), row(static_cast<std::size_t>(s.out_w));
    std::vector<std::ptrdiff_t> offsets;  // of the taps
    for (std::ptrdiff_t ky = 0; ky < s.kh; ++ky)
        for (std::ptrdiff_t kx = 0; kx < s.kw; ++kx)
            offsets.push_back(ky * s.window.dilation[0] * padded.width() + kx * s.window.dilation[1]);
    offsets.resize(sums.size());
    for (std::ptrdiff_t c0 = 0; c0 < out_c; c0 += 16) {
        const std::ptrdiff_t channels = std::min<std::ptrdiff_t>(16, out_c - c0);
        std::fill(sums.begin(), sums.end(), zero);
        std::fill(row.begin(), row.end(), zero);
        channel_lanes<T> all = zero;
        for_output_rows(s, padded, images, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
            for (std::ptrdiff_t ox = 0; ox < s.out_w; ++ox)
                copy_run(row[static_cast<std::size_t>(ox)].data(), output_gradients + (to + ox) * out_c + c0, channels);
            // Three taps and two outputs at a time; the last taps may be past the end, and their sums are left alone.
            const std::ptrdiff_t step = s.window.stride[1];
            for (std::ptrdiff_t tap = 0; tap < s.patch(); tap += 3) {
                const std::ptrdiff_t* at = offsets.data() + tap;
                const T *in0 = inputs + from + at[0], *in1 = inputs + from + at[1], *in2 = inputs + from + at[2];
                channel_lanes<T> even0 = zero, even1 = zero, even2 = zero, odd0 = zero, odd1 = zero, odd2 = zero;
                const channel_lanes<T>* g = row.data();
                std::ptrdiff_t ox = 0, x = 0;
                for (; ox + 1 < s.out_w; ox += 2, x += 2 * step) {
                    even0 += in0[x] * g[ox], odd0 += in0[x + step] * g[ox + 1];
                    even1 += in1[x] * g[ox], odd1 += in1[x + step] * g[ox + 1];
                    even2 += in2[x] * g[ox], odd2 += in2[x + step] * g[ox + 1];
                }
                if (ox < s.out_w) even0 += in0[x] * g[ox], even1 += in1[x] * g[ox], even2 += in2[x] * g[ox];
                channel_lanes<T>* sum = sums.data() + tap;
                sum[0] += even0 + odd0, sum[1] += even1 + odd1, sum[2] += even2 + odd2;
            }
            channel_lanes<T> of_row = zero;
            for (const channel_lanes<T>& gradient : row) of_row += gradient;
            all += of_row;
        });
        for (std::ptrdiff_t c = 0; c < channels; ++c) {
            for (std::ptrdiff_t tap = 0; tap < s.patch(); ++tap)
                dw[(c0 + c) * s.patch() + tap] += sums[static_cast<std::size_t>(tap)][c];
            if (db) db[c0 + c] += all[c];
        }
    }
}

/// y = patches(x)·Wᵀ + b. An empty b is none.
template <class T>
void conv2d_forward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, tensor<T>& y,
                    const executor& threads) {
    lowbit::check(n.groups == 1, describe(n), ": the trainer has no grouped convolution");
    const sliding_window s(n, x.shape(), y.shape());
    const auto weights = lowbit::as_matrix(w);
    const std::ptrdiff_t out_c = w.shape()[0];
    for_blocks(s.batch, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const T* images = x.data() + first * s.in_pixels() * s.in_c;
        T* outputs = y.data() + first * s.out_pixels() * out_c;
        padded_images<T> padded(s, last - first);
        padded.for_rows(
            [&](auto from, auto to, auto length) { std::copy_n(images + from, length, padded.data() + to); });
        const T* inputs = padded.borrows() ? images : padded.data();
        if (s.in_c == 1) return one_channel_forward(s, padded, last - first, inputs, w, b, outputs);
        row_matrix<T> patches;
        for_chunks(s, last - first, [&](std::ptrdiff_t p, std::ptrdiff_t rows) {
            row_map<T> out(outputs + p * out_c, rows, out_c);
            if (s.pointwise()) {
                out.noalias() = const_row_map<T>(images + p * s.in_c, rows, s.in_c) * weights.transpose();
            } else {
                patches.resize(rows, s.patch());
                for_patch_runs(s, padded, p, rows, [to = patches.data(), inputs](auto at, auto from, auto length) {
                    copy_run(to + at, inputs + from, length);
                });
                out.noalias() = patches * weights.transpose();
            }
            if (!b.empty()) out.rowwise() += lowbit::as_matrix(b).row(0);
        });
    });
}

/// dW += dyᵀ·patches(x); db += Σ dy; dx += dy·W, each patch where it came from.
template <class T>
void conv2d_backward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& dy, tensor<T>* dx,
                     tensor<T>& dw, tensor<T>& db, const executor& threads) {
    const sliding_window s(n, x.shape(), dy.shape());
    const auto weights = lowbit::as_matrix(w);
    const std::ptrdiff_t out_c = w.shape()[0];
    block_sums<T> dw_sums(dw.size()), db_sums(db.size());
    for_blocks(s.batch, threads, [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
        const std::ptrdiff_t offset = first * s.in_pixels() * s.in_c;
        const T* images = x.data() + offset;
        T* image_gradients = dx ? dx->data() + offset : nullptr;
        const T* output_gradients = dy.data() + first * s.out_pixels() * out_c;
        padded_images<T> padded(s, last - first), padded_gradients(s, dx ? last - first : 0);
        padded.for_rows(
            [&](auto from, auto to, auto length) { std::copy_n(images + from, length, padded.data() + to); });
        const T* inputs = padded.borrows() ? images : padded.data();
        T* input_gradients = padded.borrows() ? image_gradients : padded_gradients.data();
        if (s.in_c == 1 && !dx)
            return one_channel_backward(s, padded, last - first, inputs, output_gradients, out_c, dw_sums[block],
                                        db.empty() ? nullptr : db_sums[block]);
        row_map<T> dw_block(dw_sums[block], out_c, s.patch());
        row_matrix<T> patches;
        for_chunks(s, last - first, [&](std::ptrdiff_t p, std::ptrdiff_t rows) {
            const const_row_map<T> dout(output_gradients + p * out_c, rows, out_c);
            if (!db.empty()) row_map<T>(db_sums[block], 1, out_c) += dout.colwise().sum();
            if (s.pointwise()) {
                dw_block.noalias() += dout.transpose() * const_row_map<T>(images + p * s.in_c, rows, s.in_c);
                if (dx) row_map<T>(image_gradients + p * s.in_c, rows, s.in_c).noalias() += dout * weights;
                return;
            }
            patches.resize(rows, s.patch());
            for_patch_runs(s, padded, p, rows, [to = patches.data(), inputs](auto at, auto from, auto length) {
                copy_run(to + at, inputs + from, length);
            });
            dw_block.noalias() += dout.transpose() * patches;
            if (!dx) return;
            patches.noalias() = dout * weights;
            for_patch_runs(s, padded, p, rows, [from = patches.data(), input_gradients](auto at, auto to, auto length) {
                add_to(input_gradients + to, from + at, length);
            });
        });
        padded_gradients.for_rows([&](auto to, auto from, auto length) {
            add_to(image_gradients + to, padded_gradients.data() + from, length);
        });
    });
    dw_sums.add_to(dw.data());
    db_sums.add_to(db.data());
}

/// [channels, kh, kw, 1] to one row of channels per tap.
template <class T>
row_matrix<T> taps_first(const tensor<T>& w) {
    return lowbit::as_matrix(w).transpose();
}

/// Each channel m times over, so that a channel multiplier becomes 1.
template <class T>
tensor<T> repeat_channels(const tensor<T>& x, std::ptrdiff_t m) {
    const tensor_shape& s = x.shape();
    tensor<T> repeated({s[0], s[1], s[2], s[3] * m});
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) std::fill_n(repeated.data() + i * m, m, x[i]);
    return repeated;
}

/// Output channel c·m + j sees input channel c alone; m is the channel multiplier.
template <class T>
void depthwise_forward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, tensor<T>& y,
                       const executor& threads) {
    const std::ptrdiff_t channels = w.shape()[0], multiplier = channels / x.shape()[3];
    if (multiplier > 1) return depthwise_forward(n, repeat_channels(x, multiplier), w, b, y, threads);
    const sliding_window s(n, x.shape(), y.shape());
    const row_matrix<T> taps = taps_first(w);
    for_pixels(s, threads, [&](std::ptrdiff_t, std::ptrdiff_t p) {
        T* out = y.data() + p * channels;
        b.empty() ? void(std::fill_n(out, channels, T(0))) : void(std::copy_n(b.data(), channels, out));
        s.for_taps(p, [&](std::ptrdiff_t tap, std::ptrdiff_t at) {
            add_product_to(out, x.data() + at, taps.data() + tap * channels, channels);
        });
    });
}

template <class T>
void depthwise_backward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& dy,
                        tensor<T>* dx, tensor<T>& dw, tensor<T>& db, const executor& threads) {
    const std::ptrdiff_t channels = w.shape()[0], multiplier = channels / x.shape()[3];
    if (multiplier > 1) {
        const tensor<T> repeated = repeat_channels(x, multiplier);
        tensor<T> repeated_dx(repeated.shape());
        depthwise_backward(n, repeated, w, dy, dx ? &repeated_dx : nullptr, dw, db, threads);
        if (dx)
            for (std::ptrdiff_t i = 0; i < repeated_dx.size(); ++i) (*dx)[i / multiplier] += repeated_dx[i];
        return;
    }
    const sliding_window s(n, x.shape(), dy.shape());
    const row_matrix<T> taps = taps_first(w);
    block_sums<T> dw_sums(dw.size()), db_sums(db.size());
    for_pixels(s, threads, [&](std::ptrdiff_t block, std::ptrdiff_t p) {
        const T* dout = dy.data() + p * channels;
        if (!db.empty()) add_to(db_sums[block], dout, channels);
        s.for_taps(p, [&](std::ptrdiff_t tap, std::ptrdiff_t at) {
            add_product_to(dw_sums[block] + tap * channels, x.data() + at, dout, channels);
            if (dx) add_product_to(dx->data() + at, taps.data() + tap * channels, dout, channels);
        });
    });
    tensor<T> total({s.kh * s.kw, channels});
    dw_sums.add_to(total.data());
    lowbit::as_matrix(dw) += lowbit::as_matrix(total).transpose();
    db_sums.add_to(db.data());
}

}  // namespace examples
