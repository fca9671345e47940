// SPDX-License-Identifier: Apache-2.0
/// @file
/// Fake quantization: the values that codes stand for, in float, with a gradient (Jacob et al. 2018, section 3).
///
///     forward    x̂ = S·(clamp(rint(x·(1/S)) + Z) − Z)      the very codes that `quantize` stores
///     backward   ∂x̂/∂x = 1 where the code is not clamped, else 0      (straight-through; torch's mask: after rounding)
///
/// For schemes whose grids follow their data and clip nothing (block formats, codebooks) the forward pass is
/// `dequantize(quantize(x))` and the gradient passes everywhere. Pure functions on views; nothing is remembered.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/kernels/quantize.hpp>
#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/quantize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lowbit {

/// Where the gradient of a code passes.
enum class gradient_mask {
    rounded,    ///< where the rounded value is a code: qmin ≤ rint(x/S) + Z ≤ qmax (torch)
    unrounded,  ///< where the value itself is in range: qmin ≤ x/S + Z ≤ qmax (LSQ)
};

namespace detail {

/// The values of x·(1/S) whose gradient passes: [low, high].
struct pass_range {
    float low, high;

    pass_range(const affine_grid& grid, gradient_mask mask)
        : low(static_cast<float>(grid.lowest - grid.zero_point)),
          high(static_cast<float>(grid.highest - grid.zero_point)) {
        if (mask == gradient_mask::unrounded) return;
        // The half step beyond an end belongs to it; the tie itself only if the rule rounds it there.
        const float first = low - 0.5f, last = high + 0.5f;
        low = round_to_integer(first, grid.rule) >= low ? first : std::nextafter(first, low);
        high = round_to_integer(last, grid.rule) <= high ? last : std::nextafter(last, high);
    }
    /// Without a branch: which way it goes is random where values are clamped.
    bool operator()(float steps) const { return ((steps >= low) & (steps <= high)) != 0; }
};

/// Calls f(set, grid, scale, first flat index, count) for every run of values of one set among the tiles
/// [first_tile, last_tile); none is longer than a tile.
template <class Function>
void for_each_affine_run(const partition& sets, const affine& s, std::span<const affine_params> params,
                         std::ptrdiff_t size, std::ptrdiff_t first_tile, std::ptrdiff_t last_tile, Function&& f) {
    for (std::ptrdiff_t t = first_tile; t < last_tile; ++t) {
        const std::ptrdiff_t first = t * affine_tile, last = std::min(first + affine_tile, size);
        sets.for_each_run(first, last, [&](std::ptrdiff_t set, std::ptrdiff_t at, std::ptrdiff_t count) {
            const auto [scale, zero] = params[static_cast<std::size_t>(set)];
            f(set, affine_grid{1.0f / scale, zero, s.lowest(), s.highest(), s.ties}, scale, at, count);
        });
    }
}

/// The same for all tiles.
template <class Function>
void for_each_affine_run(const tensor_shape& shape, const affine& s, std::span<const affine_params> params,
                         const executor& exec, Function&& f) {
    const partition sets(shape, s.granularity);
    check_params(s, params, sets.count());
    exec.parallel_for(ceil_div(shape.size(), affine_tile),
                      [&](std::ptrdiff_t t) { for_each_affine_run(sets, s, params, shape.size(), t, t + 1, f); });
}

}  // namespace detail

/// x̂ of x, with parameters for each set of `partition(x.shape(), s.granularity)`. out may be x's memory; NaN becomes 0.
/// Complexity O(n). Errors: sizes that differ; parameters that are not valid.
inline void fake_quantize(tensor_view<const float> x, const affine& s, std::span<const affine_params> params,
                          tensor_view<float> out, const executor& exec = {}) {
    check(x.size() == out.size(), "fake_quantize: ", to_string(x.shape()), " into ", to_string(out.shape()));
    detail::for_each_affine_run(
        x.shape(), s, params, exec,
        [&](std::ptrdiff_t, const affine_grid& grid, float scale, std::ptrdiff_t at, std::ptrdiff_t count) {
            std::array<std::int32_t, detail::affine_tile> codes;
            quantize_affine(x.data() + at, count, grid, codes.data());
            dequantize_affine(codes.data(), count, scale, grid.zero_point, out.data() + at);
        });
}

/// dL/dx from dL/dx̂ (upstream). out may be upstream's memory. Complexity O(n). Errors: as fake_quantize.
inline void fake_quantize_backward(tensor_view<const float> x, tensor_view<const float> upstream, const affine& s,
                                   std::span<const affine_params> params, tensor_view<float> out,
                                   const executor& exec = {}, gradient_mask mask = gradient_mask::rounded) {
    check(x.size() == out.size() && x.size() == upstream.size(), "fake_quantize_backward: ", x.size(), " values, ",
          upstream.size(), " gradients, room for ", out.size());
    detail::for_each_affine_run(
        x.shape(), s, params, exec,
        [&](std::ptrdiff_t, const affine_grid& grid, float, std::ptrdiff_t at, std::ptrdiff_t count) {
            const detail::pass_range passes(grid, mask);
            for (std::ptrdiff_t i = at; i < at + count; ++i) {
                out[i] = passes(x[i] * grid.inverse_scale) ? upstream[i] : 0.0f;
            }
        });
}

/// x̂ of x under any scheme: block formats, codebooks, or affine with parameters from x. The gradient of block formats
/// and codebooks is the upstream gradient, unchanged. Errors: what `quantize` refuses.
template <class X, scheme S>
tensor<float> fake_quantize(const X& x, const S& s, const executor& exec = {}) {
    return dequantize(quantize(x, s, exec), exec);
}

}  // namespace lowbit
