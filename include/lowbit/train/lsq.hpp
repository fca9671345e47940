// SPDX-License-Identifier: Apache-2.0
/// @file
/// LSQ: step sizes that learn with the weights (Esser et al. 2020, "Learned Step Size Quantization", equations 1 to 4),
/// and LSQ+: zero points too (Bhalgat et al. 2020).
///
/// With q − Z = clamp(rint(x/S)) and x̂ = S·(q − Z), as fake quantization has it:
///
///     ∂x̂/∂S = rint(x/S) − x/S  inside,  qmin − Z or qmax − Z where clamped;      times 1/√(N·qmax), N values in the
///     tensor ∂x̂/∂Z = 0  inside,  −S  where clamped S starts at 2·E|x|/√qmax.
///
/// LSQ's mask is that of the value before rounding. Zero points stay integers in the forward pass (LSQ+'s offset is
/// β = −S·Z, kept on the grid), so that the integer network has what was learned.
#pragma once

#include <lowbit/train/fake_quantize.hpp>

#include <algorithm>
#include <array>
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

/// dL/dx into `out` (which may be upstream's memory), and the gradients of the parameters. `balanced`: with the factor
/// 1/√(N·qmax), which makes a step of S as large, relatively, as one of the weights. Sums are in float64 and in order.
/// Complexity O(n). Errors: sizes that differ; parameters that are not valid.
inline lsq_gradients lsq_backward(tensor_view<const float> x, tensor_view<const float> upstream, const affine& s,
                                  std::span<const affine_params> params, tensor_view<float> out, bool balanced = true,
                                  gradient_mask mask = gradient_mask::unrounded) {
    check(x.size() == out.size() && x.size() == upstream.size(), "lsq_backward: ", x.size(), " values, ",
          upstream.size(), " gradients, room for ", out.size());
    std::vector<double> scale_sums(params.size()), zero_sums(params.size());
    detail::for_each_affine_run(
        x.shape(), s, params, {},
        [&](std::ptrdiff_t set, const affine_grid& grid, float scale, std::ptrdiff_t at, std::ptrdiff_t count) {
            const detail::pass_range passes(grid, mask);
            std::array<std::int32_t, detail::affine_tile> codes;
            quantize_affine(x.data() + at, count, grid, codes.data());
            double scale_sum = 0, clamped_sum = 0;
            for (std::ptrdiff_t i = 0; i < count; ++i) {
                const float steps = x[at + i] * grid.inverse_scale, gradient = upstream[at + i];
                const bool inside = passes(steps);
                const auto rounded = static_cast<float>(codes[static_cast<std::size_t>(i)] - grid.zero_point);
                scale_sum += double{gradient} * (double{rounded} - (inside ? double{x[at + i]} / double{scale} : 0.0));
                clamped_sum += inside ? 0.0 : double{gradient};
                out[at + i] = inside ? gradient : 0.0f;
            }
            scale_sums[static_cast<std::size_t>(set)] += scale_sum;
            zero_sums[static_cast<std::size_t>(set)] -= double{scale} * clamped_sum;
        });
    lsq_gradients gradients{std::vector<float>(params.size()), std::vector<float>(params.size())};
    const double factor =
        balanced ? 1 / std::sqrt(static_cast<double>(std::max<std::ptrdiff_t>(1, x.size())) * s.highest()) : 1;
    for (std::size_t i = 0; i < params.size(); ++i) {
        gradients.scale[i] = static_cast<float>(factor * scale_sums[i]);
        gradients.zero_point[i] = static_cast<float>(factor * zero_sums[i]);
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
