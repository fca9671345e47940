// SPDX-License-Identifier: Apache-2.0
/// @file
/// Forward and backward of pooling. See layers.hpp for how they are called.
#pragma once

#include "convolution.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace examples {

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

}  // namespace examples
