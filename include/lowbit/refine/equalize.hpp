// SPDX-License-Identifier: Apache-2.0
/// @file
/// Cross-layer equalization: the same function, with weights that one scale per tensor can hold (Nagel et al. 2019,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", sections 4.1 and 4.2).
///
/// Between two layers with only a ReLU in between, f(s·x) = s·f(x) for s > 0, so channel i may be divided by s_i in the
/// first layer and multiplied by it in the second. With r₁, r₂ the largest weights of the channel there and here,
///
///     s_i = √(r₁·r₂) / r₂    makes both   √(r₁·r₂).
///
/// A ReLU6 in between becomes a clamp at 6/s_i, one per channel; where calibration shows that it never clamps it may be
/// a ReLU instead.
#pragma once

#include <lowbit/refine/channels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// Equalizes two layers, in place: outputs of the first are inputs of the second. Gives s: what the channels between
/// were divided by; 1 where either side is all zero. Errors: channels that do not match.
inline std::vector<float> equalize(const layer_view& first, const layer_view& second) {
    const std::vector<float> r1 = largest_of_outputs(first), r2 = largest_of_inputs(second, first.outputs());
    std::vector<float> s(r1.size(), 1.0f), inverse(r1.size(), 1.0f);
    for (std::size_t i = 0; i < s.size(); ++i) {
        const double ratio = r2[i] > 0 ? double{r1[i]} / double{r2[i]} : 0;
        // Beyond these a bias or an activation could leave float32.
        if (ratio > 0) s[i] = static_cast<float>(std::clamp(std::sqrt(ratio), 1e-6, 1e6));
        inverse[i] = 1 / s[i];
    }
    scale_outputs(first, inverse);
    scale_inputs(second, s);
    return s;
}

/// Equalizes a chain of layers, pair by pair and again, until no factor is farther than `tolerance` from 1, at most
/// `rounds` times. Gives for each pair the product of its s. Errors: channels that do not match.
inline std::vector<std::vector<float>> equalize(std::span<const layer_view> chain, float tolerance = 1e-3f,
                                                int rounds = 100) {
    std::vector<std::vector<float>> total(chain.empty() ? 0 : chain.size() - 1);
    for (int round = 0; round < rounds; ++round) {
        float farthest = 0;
        for (std::size_t pair = 0; pair < total.size(); ++pair) {
            const std::vector<float> s = equalize(chain[pair], chain[pair + 1]);
            total[pair].resize(s.size(), 1.0f);
            for (std::size_t i = 0; i < s.size(); ++i) {
                total[pair][i] *= s[i];
                farthest = std::max(farthest, std::abs(s[i] - 1));
            }
        }
        if (farthest <= tolerance) break;
    }
    return total;
}

/// Moves what a ReLU's input always exceeds from the first layer's bias to the second's: c = max(0, μ − 3σ) with mean
/// and deviation of the pre-activations (β and |γ| of a folded batch norm, divided by s after equalization). Ranges of
/// activations shrink by c. Exact for inputs above c, and away from the second layer's padding. Gives c.
/// Errors: channels that do not match; a layer without bias.
inline std::vector<float> absorb_high_bias(const layer_view& first, const layer_view& second,
                                           std::span<const float> mean, std::span<const float> deviation) {
    check(!first.bias.empty() && !second.bias.empty(), "absorb_high_bias: both layers need a bias");
    check(std::ssize(mean) == first.outputs() && mean.size() == deviation.size(), "absorb_high_bias: ", mean.size(),
          " means and ", deviation.size(), " deviations for ", first.outputs(), " channels");
    second.check_inputs(first.outputs());
    std::vector<float> c(mean.size());
    for (std::size_t i = 0; i < c.size(); ++i) {
        c[i] = std::max(0.0f, mean[i] - 3 * std::abs(deviation[i]));
        first.bias[static_cast<std::ptrdiff_t>(i)] -= c[i];
    }
    std::vector<double> shift(static_cast<std::size_t>(second.outputs()));
    for_each_weight(second, first.outputs(), [&](float w, std::ptrdiff_t out, std::ptrdiff_t in) {
        shift[static_cast<std::size_t>(out)] += double{w} * double{c[static_cast<std::size_t>(in)]};
    });
    for (std::ptrdiff_t i = 0; i < second.bias.size(); ++i) {
        second.bias[i] = static_cast<float>(second.bias[i] + shift[static_cast<std::size_t>(i)]);
    }
    return c;
}

}  // namespace lowbit
