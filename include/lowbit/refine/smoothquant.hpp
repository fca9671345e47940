// SPDX-License-Identifier: Apache-2.0
/// @file
/// SmoothQuant: outliers of activations move into the weights, where they do less harm (Xiao et al. 2023, equation 4):
///
///     s_j = max|X_j|^α / max|W_j|^(1−α),   x_j ← x_j/s_j,   W_j ← W_j·s_j,   α = ½ by default.
///
/// The division goes into the layer or normalization before: `scale_outputs` with 1/s.
#pragma once

#include <lowbit/refine/channels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// s of each input channel; 1 where the inputs or the weights are all zero. input_largest: max|x| of each.
/// Errors: channels that do not match; α outside [0, 1].
inline std::vector<float> smoothquant_scales(const layer_view& layer, std::span<const float> input_largest,
                                             double alpha = 0.5) {
    check(alpha >= 0 && alpha <= 1, "smoothquant_scales: alpha ", alpha, " is not in [0, 1]");
    const std::vector<float> largest = largest_of_inputs(layer, std::ssize(input_largest));
    std::vector<float> s(largest.size(), 1.0f);
    for (std::size_t j = 0; j < s.size(); ++j) {
        if (!(input_largest[j] > 0) || largest[j] == 0) continue;
        const double wanted = std::pow(double{input_largest[j]}, alpha) / std::pow(double{largest[j]}, 1 - alpha);
        s[j] = static_cast<float>(std::clamp(wanted, 1e-6, 1e6));
    }
    return s;
}

/// Smooths a layer and the one whose outputs it reads, in place. Gives s. Errors: channels that do not match.
inline std::vector<float> smoothquant(const layer_view& before, const layer_view& layer,
                                      std::span<const float> input_largest, double alpha = 0.5) {
    check(before.outputs() == std::ssize(input_largest), "smoothquant: ", before.outputs(), " outputs before, ",
          input_largest.size(), " inputs");
    std::vector<float> s = smoothquant_scales(layer, input_largest, alpha);
    std::vector<float> inverse(s.size());
    for (std::size_t j = 0; j < s.size(); ++j) inverse[j] = 1 / s[j];
    scale_outputs(before, inverse);
    scale_inputs(layer, s);
    return s;
}

}  // namespace lowbit
