// SPDX-License-Identifier: Apache-2.0
/// @file
/// Forward and backward of every layer the trainer knows: pure functions on tensors, for float and double.
///
/// `*_forward(…, y, threads)` overwrites y. `*_backward(…, dy, dx, …, threads)` *adds* to dx and to the weights'
/// gradients, for an edge may be read more than once; dx may be null where nobody wants it. Layouts are lowbit's: NHWC,
/// output channel first.
/// Work is cut into a fixed number of blocks of images and sums are made in block order, so results do not depend on
/// the number of threads.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/model/graph.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace examples {

using lowbit::executor;
using lowbit::row_matrix;
using lowbit::tensor;
using lowbit::tensor_shape;

template <class T>
using row_map = Eigen::Map<row_matrix<T>>;
template <class T>
using const_row_map = Eigen::Map<const row_matrix<T>>;

inline constexpr std::ptrdiff_t blocks = 4;

/// f(block, first, last) over a fixed cut of n into `blocks` ranges.
template <class Function>
void for_blocks(std::ptrdiff_t n, const executor& threads, Function&& f) {
    threads.parallel_for(blocks, [&](std::ptrdiff_t b) {
        const std::ptrdiff_t first = b * n / blocks, last = (b + 1) * n / blocks;
        if (first < last) f(b, first, last);
    });
}

// Rows of channels: the inner loops, plain enough for the compiler to vectorise.

template <class T>
void add_to(T* __restrict y, const T* __restrict x, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
void add_product_to(T* __restrict y, const T* __restrict a, const T* __restrict b, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += a[i] * b[i];
}

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

    /// f(offset in a patch, offset in the input, length) for the contiguous runs of output pixel p's patch; an input
    /// offset of −1 stands for zeros.
    template <class Function>
    void for_runs(std::ptrdiff_t p, Function&& f) const {
        const std::ptrdiff_t image = p / out_pixels(), within = p % out_pixels();
        const std::ptrdiff_t top = within / out_w * window.stride[0] - window.padding.top;
        const std::ptrdiff_t left = within % out_w * window.stride[1] - window.padding.left;
        const bool contiguous = window.dilation[1] == 1;
        const std::ptrdiff_t step = contiguous ? kw : 1;
        for (std::ptrdiff_t ky = 0; ky < kh; ++ky) {
            const std::ptrdiff_t iy = top + ky * window.dilation[0];
            const bool row_inside = iy >= 0 && iy < in_h;
            const std::ptrdiff_t row = (image * in_h + iy) * in_w;
            for (std::ptrdiff_t kx = 0; kx < kw; kx += step) {
                const std::ptrdiff_t at = (ky * kw + kx) * in_c, ix = left + kx * window.dilation[1];
                const std::ptrdiff_t before = std::clamp<std::ptrdiff_t>(row_inside ? -ix : step, 0, step);
                const std::ptrdiff_t after = std::clamp<std::ptrdiff_t>(ix + step - in_w, 0, step - before);
                if (before > 0) f(at, -1, before * in_c);
                if (before + after < step)
                    f(at + before * in_c, (row + ix + before) * in_c, (step - before - after) * in_c);
                if (after > 0) f(at + (step - after) * in_c, -1, after * in_c);
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

/// The patches of the output pixels first … first + rows − 1, one a row.
template <class T>
void gather_patches(const sliding_window& s, const T* x, std::ptrdiff_t first, std::ptrdiff_t rows, T* patches) {
    for (std::ptrdiff_t r = 0; r < rows; ++r, patches += s.patch())
        s.for_runs(first + r, [&](std::ptrdiff_t at, std::ptrdiff_t from, std::ptrdiff_t length) {
            if (from < 0)
                std::fill_n(patches + at, length, T(0));
            else
                for (std::ptrdiff_t i = 0; i < length; ++i) patches[at + i] = x[from + i];
        });
}

/// The transpose of `gather_patches`: adds every patch where it came from.
template <class T>
void scatter_patches(const sliding_window& s, const T* patches, std::ptrdiff_t first, std::ptrdiff_t rows, T* dx) {
    for (std::ptrdiff_t r = 0; r < rows; ++r, patches += s.patch())
        s.for_runs(first + r, [&](std::ptrdiff_t at, std::ptrdiff_t to, std::ptrdiff_t length) {
            if (to >= 0) add_to(dx + to, patches + at, length);
        });
}

/// f(first pixel, pixels) over the output pixels of some images, as many at a time as stay in the nearest caches.
template <class Function>
void for_chunks(const sliding_window& s, std::ptrdiff_t first_image, std::ptrdiff_t last_image, Function&& f) {
    const std::ptrdiff_t most = s.pointwise() ? 1024 : std::max<std::ptrdiff_t>(24 * 1024 / s.patch(), 16);
    const std::ptrdiff_t last = last_image * s.out_pixels();
    for (std::ptrdiff_t p = first_image * s.out_pixels(); p < last; p += most) f(p, std::min(most, last - p));
}

// -------------------------------------------------------------------------------------------------- convolution

/// y = patches(x)·Wᵀ + b. An empty b is none.
template <class T>
void conv2d_forward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, tensor<T>& y,
                    const executor& threads) {
    lowbit::check(n.groups == 1, describe(n), ": the trainer has no grouped convolution");
    const sliding_window s(n, x.shape(), y.shape());
    const auto weights = lowbit::as_matrix(w);
    const std::ptrdiff_t out_c = w.shape()[0];
    for_blocks(s.batch, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        row_matrix<T> buffer;
        for_chunks(s, first, last, [&](std::ptrdiff_t p, std::ptrdiff_t rows) {
            row_map<T> out(y.data() + p * out_c, rows, out_c);
            if (s.pointwise()) {
                out.noalias() = const_row_map<T>(x.data() + p * s.in_c, rows, s.in_c) * weights.transpose();
            } else {
                buffer.resize(rows, s.patch());
                gather_patches(s, x.data(), p, rows, buffer.data());
                out.noalias() = buffer * weights.transpose();
            }
            if (!b.empty()) out.rowwise() += lowbit::as_matrix(b).row(0);
        });
    });
}

/// One accumulator per block, added up in order.
template <class T>
class block_sums {
public:
    explicit block_sums(std::ptrdiff_t size) : size_(size), values_({blocks, size}) {}
    T* operator[](std::ptrdiff_t block) { return values_.data() + block * size_; }
    void add_to(T* total) const {
        for (std::ptrdiff_t b = 0; b < blocks; ++b) examples::add_to(total, values_.data() + b * size_, size_);
    }

private:
    std::ptrdiff_t size_;
    tensor<T> values_;
};

/// dW += dyᵀ·patches(x); db += Σ dy; dx += scattered dy·W.
template <class T>
void conv2d_backward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& w, const tensor<T>& dy, tensor<T>* dx,
                     tensor<T>& dw, tensor<T>& db, const executor& threads) {
    const sliding_window s(n, x.shape(), dy.shape());
    const auto weights = lowbit::as_matrix(w);
    const std::ptrdiff_t out_c = w.shape()[0];
    block_sums<T> dw_sums(dw.size()), db_sums(db.size());
    for_blocks(s.batch, threads, [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
        row_map<T> dw_block(dw_sums[block], out_c, s.patch());
        row_matrix<T> buffer;
        for_chunks(s, first, last, [&](std::ptrdiff_t p, std::ptrdiff_t rows) {
            const const_row_map<T> dout(dy.data() + p * out_c, rows, out_c);
            if (!db.empty()) row_map<T>(db_sums[block], 1, out_c) += dout.colwise().sum();
            if (s.pointwise()) {
                dw_block.noalias() += dout.transpose() * const_row_map<T>(x.data() + p * s.in_c, rows, s.in_c);
                if (dx) row_map<T>(dx->data() + p * s.in_c, rows, s.in_c).noalias() += dout * weights;
            } else {
                buffer.resize(rows, s.patch());
                gather_patches(s, x.data(), p, rows, buffer.data());
                dw_block.noalias() += dout.transpose() * buffer;
                if (!dx) return;
                buffer.noalias() = dout * weights;
                scatter_patches(s, buffer.data(), p, rows, dx->data());
            }
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

/// y = x·Wᵀ + b over the last axis.
template <class T>
void linear_forward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, tensor<T>& y, const executor& threads) {
    const auto weights = lowbit::as_matrix(w);
    for_blocks(x.size() / weights.cols(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const const_row_map<T> in(x.data() + first * weights.cols(), last - first, weights.cols());
        row_map<T> out(y.data() + first * weights.rows(), last - first, weights.rows());
        out.noalias() = in * weights.transpose();
        if (!b.empty()) out.rowwise() += lowbit::as_matrix(b).row(0);
    });
}

template <class T>
void linear_backward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& dy, tensor<T>* dx, tensor<T>& dw,
                     tensor<T>& db, const executor& threads) {
    const auto weights = lowbit::as_matrix(w);
    block_sums<T> dw_sums(dw.size()), db_sums(db.size());
    for_blocks(x.size() / weights.cols(), threads,
               [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
                   const const_row_map<T> in(x.data() + first * weights.cols(), last - first, weights.cols());
                   const const_row_map<T> dout(dy.data() + first * weights.rows(), last - first, weights.rows());
                   row_map<T>(dw_sums[block], weights.rows(), weights.cols()).noalias() = dout.transpose() * in;
                   if (!db.empty()) row_map<T>(db_sums[block], 1, db.size()) = dout.colwise().sum();
                   if (dx)
                       row_map<T>(dx->data() + first * weights.cols(), last - first, weights.cols()).noalias() +=
                           dout * weights;
               });
    dw_sums.add_to(dw.data());
    db_sums.add_to(db.data());
}

// ---------------------------------------------------------------------------------------------------- batch norm

/// Mean and 1/√(variance + ε) per channel, of the batch or as stored.
template <class T>
struct norm_statistics {
    std::vector<T> mean, inverse_deviation;
};

/// Σ over the rows of f(row, channel), per channel.
template <class T, class Function>
std::vector<T> sum_rows(std::ptrdiff_t rows, std::ptrdiff_t channels, const executor& threads, Function&& f) {
    block_sums<T> sums(channels);
    for_blocks(rows, threads, [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
        T* __restrict sum = sums[block];
        for (std::ptrdiff_t row = first; row < last; ++row)
            for (std::ptrdiff_t c = 0; c < channels; ++c) sum[c] += f(row * channels + c, c);
    });
    std::vector<T> total(static_cast<std::size_t>(channels));
    sums.add_to(total.data());
    return total;
}

/// The batch's own statistics; variance biased, as it is used (Ioffe and Szegedy 2015). `variance` receives the
/// unbiased one, for the running average.
template <class T>
norm_statistics<T> batch_statistics(const tensor<T>& x, T epsilon, std::vector<T>& variance, const executor& threads) {
    const std::ptrdiff_t channels = x.shape()[x.rank() - 1], rows = x.size() / channels;
    norm_statistics<T> s;
    s.mean = sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t) { return x[i]; });
    for (T& m : s.mean) m /= static_cast<T>(rows);
    variance = sum_rows<T>(rows, channels, threads, [&, mean = s.mean.data()](std::ptrdiff_t i, std::ptrdiff_t c) {
        return (x[i] - mean[c]) * (x[i] - mean[c]);
    });
    for (T& v : variance) {
        s.inverse_deviation.push_back(T(1) / std::sqrt(v / static_cast<T>(rows) + epsilon));
        v /= static_cast<T>(std::max<std::ptrdiff_t>(rows - 1, 1));
    }
    return s;
}

/// y = gamma·(x − mean)·inverse_deviation + beta.
template <class T>
void batch_norm_forward(const tensor<T>& x, const norm_statistics<T>& s, const tensor<T>& gamma, const tensor<T>& beta,
                        tensor<T>& y, const executor& threads) {
    const std::ptrdiff_t channels = gamma.size();
    std::vector<T> scale, shift;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        scale.push_back(gamma[c] * s.inverse_deviation[i]);
        shift.push_back(beta[c] - scale[i] * s.mean[i]);
    }
    for_blocks(x.size() / channels, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict in = x.data() + row * channels;
            const T* __restrict a = scale.data();
            const T* __restrict b = shift.data();
            T* __restrict out = y.data() + row * channels;
            for (std::ptrdiff_t c = 0; c < channels; ++c) out[c] = in[c] * a[c] + b[c];
        }
    });
}

/// Through the batch's own statistics:
/// dx += gamma·inverse_deviation·(dy − mean(dy) − x̂·mean(dy·x̂)), dgamma += Σ dy·x̂, dbeta += Σ dy.
template <class T>
void batch_norm_backward(const tensor<T>& x, const norm_statistics<T>& s, const tensor<T>& gamma, const tensor<T>& dy,
                         tensor<T>* dx, tensor<T>& dgamma, tensor<T>& dbeta, const executor& threads) {
    const std::ptrdiff_t channels = gamma.size(), rows = x.size() / channels;
    const T* mean = s.mean.data();
    const T* inverse = s.inverse_deviation.data();
    const std::vector<T> sum_dy =
        sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t) { return dy[i]; });
    const std::vector<T> sum_dy_x = sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t c) {
        return dy[i] * (x[i] - mean[c]) * inverse[c];
    });
    add_to(dgamma.data(), sum_dy_x.data(), channels);
    add_to(dbeta.data(), sum_dy.data(), channels);
    if (!dx) return;
    // dx += a·dy + b·x + c, one line per channel.
    std::vector<T> a, b, c;
    for (std::size_t i = 0; i < sum_dy.size(); ++i) {
        const T scale = gamma[static_cast<std::ptrdiff_t>(i)] * inverse[i], count = static_cast<T>(rows);
        a.push_back(scale);
        b.push_back(-scale * inverse[i] * sum_dy_x[i] / count);
        c.push_back(-scale * sum_dy[i] / count - b[i] * mean[i]);
    }
    for_blocks(rows, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict in = x.data() + row * channels;
            const T* __restrict dout = dy.data() + row * channels;
            T* __restrict din = dx->data() + row * channels;
            for (std::ptrdiff_t i = 0; i < channels; ++i) {
                const auto k = static_cast<std::size_t>(i);
                din[i] += a[k] * dout[i] + b[k] * in[i] + c[k];
            }
        }
    });
}

// ------------------------------------------------------------------------------------- elementwise and pooling

/// y[i] = f(x[i]).
template <class T, class Function>
void map_forward(const tensor<T>& x, tensor<T>& y, const executor& threads, Function f) {
    for_blocks(x.size(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const T* __restrict in = x.data();
        T* __restrict out = y.data();
        for (std::ptrdiff_t i = first; i < last; ++i) out[i] = f(in[i]);
    });
}

/// dx[i] += dy[i] where inside(y[i]).
template <class T, class Predicate>
void mask_backward(const tensor<T>& y, const tensor<T>& dy, tensor<T>& dx, const executor& threads, Predicate inside) {
    for_blocks(y.size(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const T* __restrict out = y.data();
        const T* __restrict dout = dy.data();
        T* __restrict din = dx.data();
        for (std::ptrdiff_t i = first; i < last; ++i) din[i] += inside(out[i]) ? dout[i] : T(0);
    });
}

/// The largest valid tap.
template <class T>
void max_pool_forward(const lowbit::node& n, const tensor<T>& x, tensor<T>& y, const executor& threads) {
    const sliding_window s(n, x.shape(), y.shape());
    for_pixels(s, threads, [&](std::ptrdiff_t, std::ptrdiff_t p) {
        T* __restrict out = y.data() + p * s.in_c;
        std::fill_n(out, s.in_c, std::numeric_limits<T>::lowest());
        s.for_taps(p, [&](std::ptrdiff_t, std::ptrdiff_t at) {
            const T* __restrict in = x.data() + at;
            for (std::ptrdiff_t c = 0; c < s.in_c; ++c) out[c] = in[c] > out[c] ? in[c] : out[c];
        });
    });
}

/// To the first tap that is the largest.
template <class T>
void max_pool_backward(const lowbit::node& n, const tensor<T>& x, const tensor<T>& y, const tensor<T>& dy,
                       tensor<T>& dx, const executor& threads) {
    const sliding_window s(n, x.shape(), y.shape());
    for_blocks(s.batch, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        std::vector<T> left(static_cast<std::size_t>(s.in_c));
        for (std::ptrdiff_t p = first * s.out_pixels(); p < last * s.out_pixels(); ++p) {
            const T* __restrict out = y.data() + p * s.in_c;
            std::copy_n(dy.data() + p * s.in_c, s.in_c, left.begin());
            s.for_taps(p, [&](std::ptrdiff_t, std::ptrdiff_t at) {
                const T* __restrict in = x.data() + at;
                T* __restrict din = dx.data() + at;
                T* __restrict rest = left.data();
                for (std::ptrdiff_t c = 0; c < s.in_c; ++c) {
                    din[c] += in[c] == out[c] ? rest[c] : T(0);
                    rest[c] = in[c] == out[c] ? T(0) : rest[c];
                }
            });
        }
    });
}

/// The mean over the valid taps.
template <class T>
void average_pool_forward(const lowbit::node& n, const tensor<T>& x, tensor<T>& y, const executor& threads) {
    const sliding_window s(n, x.shape(), y.shape());
    for_pixels(s, threads, [&](std::ptrdiff_t, std::ptrdiff_t p) {
        T* __restrict out = y.data() + p * s.in_c;
        std::fill_n(out, s.in_c, T(0));
        int taps = 0;
        s.for_taps(p, [&](std::ptrdiff_t, std::ptrdiff_t at) {
            add_to(out, x.data() + at, s.in_c);
            ++taps;
        });
        for (std::ptrdiff_t c = 0; c < s.in_c; ++c) out[c] /= static_cast<T>(taps);
    });
}

template <class T>
void average_pool_backward(const lowbit::node& n, const tensor<T>& dy, tensor<T>& dx, const executor& threads) {
    const sliding_window s(n, dx.shape(), dy.shape());
    for_pixels(s, threads, [&](std::ptrdiff_t, std::ptrdiff_t p) {
        int taps = 0;
        s.for_taps(p, [&](std::ptrdiff_t, std::ptrdiff_t) { ++taps; });
        const T* __restrict dout = dy.data() + p * s.in_c;
        s.for_taps(p, [&](std::ptrdiff_t, std::ptrdiff_t at) {
            T* __restrict din = dx.data() + at;
            for (std::ptrdiff_t c = 0; c < s.in_c; ++c) din[c] += dout[c] / static_cast<T>(taps);
        });
    });
}

/// A global pool is an average pool whose window is the image.
inline lowbit::node whole_image(const lowbit::node& n, const tensor_shape& in) {
    lowbit::node pool = n;
    pool.window.size = {in[1], in[2]};
    return pool;
}

// ------------------------------------------------------------------------------------------------ concatenation

/// f(part, offset in the part, offset in the whole, length) for each contiguous run along the axis.
template <class Function>
void for_concat_runs(const tensor_shape& whole, int axis, std::span<const tensor_shape> parts, Function&& f) {
    const std::ptrdiff_t outer = whole.size_between(0, axis), inner = whole.size_between(axis + 1, whole.rank());
    for (std::ptrdiff_t o = 0; o < outer; ++o) {
        std::ptrdiff_t at = o * whole[axis] * inner;
        for (std::size_t part = 0; part < parts.size(); ++part) {
            const std::ptrdiff_t length = parts[part][axis] * inner;
            f(part, o * length, at, length);
            at += length;
        }
    }
}

// --------------------------------------------------------------------------------------------------------- loss

/// Mean over the batch of −log softmax(logits)[label]. Writes the gradient by the logits.
template <class T>
double cross_entropy(const tensor<T>& logits, std::span<const int> labels, tensor<T>& gradient) {
    const std::ptrdiff_t batch = logits.shape()[0], classes = logits.size() / batch;
    lowbit::check(static_cast<std::ptrdiff_t>(labels.size()) == batch, "cross_entropy: ", labels.size(), " labels for ",
                  batch, " images");
    double loss = 0;
    std::vector<double> e(static_cast<std::size_t>(classes));
    for (std::ptrdiff_t i = 0; i < batch; ++i) {
        const T* row = logits.data() + i * classes;
        const double most = static_cast<double>(*std::max_element(row, row + classes));
        double sum = 0;
        for (std::ptrdiff_t c = 0; c < classes; ++c)
            sum += e[static_cast<std::size_t>(c)] = std::exp(static_cast<double>(row[c]) - most);
        const int label = labels[static_cast<std::size_t>(i)];
        loss -= static_cast<double>(row[label]) - most - std::log(sum);
        for (std::ptrdiff_t c = 0; c < classes; ++c)
            gradient[i * classes + c] = static_cast<T>(
                (e[static_cast<std::size_t>(c)] / sum - (c == label ? 1.0 : 0.0)) / static_cast<double>(batch));
    }
    return loss / static_cast<double>(batch);
}

}  // namespace examples
