// SPDX-License-Identifier: Apache-2.0
/// @file
/// LSQ: step sizes that learn with the weights (Esser et al. 2020, "Learned Step Size Quantization", equations 1 to 4),
/// and LSQ+: zero points too (Bhalgat et al. 2020).
///
/// With q − Z = clamp(rint(x/S)) and x̂ = S·(q − Z), as fake quantization has it:
///
///     ∂x̂/∂S = rint(x/S) − x/S  inside,  qmin − Z or qmax − Z  where clamped
///     ∂x̂/∂Z = 0                inside,  −S                    where clamped
///
/// times 1/√(N·qmax), N values in the tensor. S starts at 2·E|x|/√qmax.
///
/// LSQ's mask is that of the value before rounding. Zero points stay integers in the forward pass (LSQ+'s offset is
/// β = −S·Z, kept on the grid), so that the integer network has what was learned.
#pragma once

#include <lowbit/kernels/dot.hpp>
#include <lowbit/train/fake_quantize.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lowbit {

/// S to start with, one for each set of `partition(x.shape(), s.granularity)`: 2·E|x|/√qmax; Z = 0, or of an asymmetric
/// scheme where `choose_params` puts it. Values that are all 0 get the smallest scale. Complexity O(n).
inline std::vector<affine_params> lsq_start(tensor_view<const float> x, const affine& s) {
    const partition sets(x.shape(), s.granularity);
    std::vector<affine_params> params = choose_params(x, s);
    for (std::ptrdiff_t i = 0; i < sets.count(); ++i) {
        double sum = 0;
        sets[i].for_each([&](std::ptrdiff_t at) { sum += std::abs(double{x[at]}); });
        const double mean = sum / static_cast<double>(std::max<std::ptrdiff_t>(1, sets[i].size()));
        auto& start = params[static_cast<std::size_t>(i)];
        start.scale = storable_scale(2 * mean / std::sqrt(static_cast<double>(s.highest())), s.scale_type);
    }
    return params;
}

/// dL/dS and dL/dZ of each set.
struct lsq_gradients {
    std::vector<float> scale, zero_point;
};

namespace detail {

/// What a run of values adds to the gradients of its set.
struct lsq_sums {
    double scale = 0;       ///< Σ g·∂x̂/∂S
    double zero_point = 0;  ///< Σ g where clamped
};

/// dL/dx of a run, and its sums, in loops of a fixed length that compilers make vectors of. The products are stored
/// before they are used: no contraction changes a bit.
inline lsq_sums lsq_run(const affine_grid& grid, const pass_range& passes, const float* x, const float* upstream,
                        std::ptrdiff_t n, float* out) {
    constexpr std::size_t block = 512;
    std::array<std::int32_t, block> codes;
    std::array<float, block> in{}, g{}, steps, slopes, clamped;
    lsq_sums sums;
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const std::ptrdiff_t count = std::min<std::ptrdiff_t>(block, n - first);
        std::copy_n(x + first, count, in.data());
        std::copy_n(upstream + first, count, g.data());
        quantize_affine(in.data(), block, grid, codes.data());
        for (std::size_t i = 0; i < block; ++i) steps[i] = in[i] * grid.inverse_scale;
        asm("" : "+m"(steps));
        for (std::size_t i = 0; i < block; ++i) {
            const std::uint32_t inside = passes(steps[i]);
            const float kept = std::bit_cast<float>(std::bit_cast<std::uint32_t>(steps[i]) & (0 - inside));
            slopes[i] = static_cast<float>(codes[i] - grid.zero_point) - kept;
            clamped[i] = static_cast<float>(1 - static_cast<std::int32_t>(inside));
        }
        sums.scale += dot(slopes.data(), g.data(), count);
        sums.zero_point += dot(clamped.data(), g.data(), count);
        for (std::size_t i = 0; i < block; ++i) g[i] = clamped[i] == 0 ? g[i] : 0.0f;
        std::copy_n(g.data(), count, out + first);
    }
    return sums;
}

}  // namespace detail

/// dL/dx into `out` (which may be upstream's memory), and the gradients of the parameters. `balanced`: with the factor
/// 1/√(N·qmax), which makes a step of S as large, relatively, as one of the weights. Sums are in float64 and in an
/// order that does not depend on the executor. Complexity O(n). Errors: sizes that differ; parameters that are not
/// valid.
inline lsq_gradients lsq_backward(tensor_view<const float> x, tensor_view<const float> upstream, const affine& s,
                                  std::span<const affine_params> params, tensor_view<float> out, bool balanced = true,
                                  gradient_mask mask = gradient_mask::unrounded, const executor& exec = {}) {
    check(x.size() == out.size() && x.size() == upstream.size(), "lsq_backward: ", x.size(), " values, ",
          upstream.size(), " gradients, room for ", out.size());
    const partition sets(x.shape(), s.granularity);
    detail::check_params(s, params, sets.count());
    using detail::lsq_sums;
    const std::ptrdiff_t tiles = ceil_div(x.size(), detail::affine_tile), parts = std::min<std::ptrdiff_t>(tiles, 8);
    std::vector<std::vector<lsq_sums>> by_part(static_cast<std::size_t>(parts), std::vector<lsq_sums>(params.size()));
    exec.parallel_for(parts, [&](std::ptrdiff_t part) {
        const auto add_run = [&](std::ptrdiff_t set, const affine_grid& grid, float scale, std::ptrdiff_t at,
                                 std::ptrdiff_t count) {
            const lsq_sums own =
                detail::lsq_run(grid, {grid, mask}, x.data() + at, upstream.data() + at, count, out.data() + at);
            lsq_sums& all = by_part[static_cast<std::size_t>(part)][static_cast<std::size_t>(set)];
            all.scale += own.scale;
            all.zero_point -= double{scale} * own.zero_point;
        };
        detail::for_each_affine_run(sets, s, params, x.size(), part * tiles / parts, (part + 1) * tiles / parts,
                                    add_run);
    });
    lsq_gradients gradients{std::vector<float>(params.size()), std::vector<float>(params.size())};
    const double factor =
        balanced ? 1 / std::sqrt(static_cast<double>(std::max<std::ptrdiff_t>(1, x.size())) * s.highest()) : 1;
    for (std::size_t i = 0; i < params.size(); ++i) {
        lsq_sums all;
        for (const auto& part : by_part) all.scale += part[i].scale, all.zero_point += part[i].zero_point;
        gradients.scale[i] = static_cast<float>(factor * all.scale);
        gradients.zero_point[i] = static_cast<float>(factor * all.zero_point);
    }
    return gradients;
}

/// Learned parameters as the forward pass takes them: a scale that training pushed to 0, below it or out of range is
/// clamped to [2^-100, 2^100] (and rounded as the scheme stores it), a zero point rounded and clamped to the codes.
inline affine_params lsq_params(float scale, float zero_point, const affine& s) {
    const double positive = std::clamp(scale > 0 ? double{scale} : 0.0, 0x1p-100, 0x1p100);
    const double zero = s.symmetric ? 0 : std::nearbyint(std::clamp<double>(zero_point, s.lowest(), s.highest()));
    return {storable_scale(positive, s.scale_type), static_cast<std::int32_t>(zero)};
}

}  // namespace lowbit
