// SPDX-License-Identifier: Apache-2.0
/// @file
/// Batch normalization folded into the layer before it, so that nothing of it is left to quantize.
///
///     y = γ·(w∗x + b − μ)/√(σ² + ε) + β  =  (γ/√(σ² + ε)·w) ∗ x + (β + γ·(b − μ)/√(σ² + ε))
///
/// Source: Jacob et al. (2018), section 3.2, equation 14.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <cmath>
#include <cstddef>

namespace lowbit {

/// What a batch normalization learned and measured; one value per channel each.
struct batch_norm_view {
    tensor_view<const float> gamma{}, beta{}, mean{}, variance{};
    float epsilon = 1e-5f;  ///< ε

    /// γ/√(σ² + ε) of a channel. Errors: σ² + ε not positive.
    double factor(std::ptrdiff_t channel) const {
        const double spread = double{variance[channel]} + double{epsilon};
        check(spread > 0, "batch norm: variance + epsilon is ", spread, " in channel ", channel);
        return double{gamma[channel]} / std::sqrt(spread);
    }
};

/// Replaces weights and bias, in place, by those of the layer with the normalization inside. Weights have the output
/// channel as axis 0; bias is one value per output channel. Each result is rounded to float32 once. Complexity O(n).
/// Errors, before anything is written: counts that are not the weights' channels; a variance + ε that is not positive.
inline void fold_batch_norm(tensor_view<float> weights, tensor_view<float> bias, const batch_norm_view& norm) {
    check(weights.rank() >= 1, "fold_batch_norm: weights without an axis of channels");
    const std::ptrdiff_t channels = weights.shape()[0];
    for (const tensor_view<const float>* part : {&norm.gamma, &norm.beta, &norm.mean, &norm.variance}) {
        check(part->size() == channels, "fold_batch_norm: ", part->size(), " parameters for ", channels, " channels");
    }
    check(bias.size() == channels, "fold_batch_norm: ", bias.size(), " biases for ", channels, " channels");
    for (std::ptrdiff_t c = 0; c < channels; ++c) norm.factor(c);

    const std::ptrdiff_t per_channel = channels == 0 ? 0 : weights.size() / channels;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const double factor = norm.factor(c);
        for (std::ptrdiff_t i = c * per_channel; i < (c + 1) * per_channel; ++i)
            weights[i] = static_cast<float>(weights[i] * factor);
        bias[c] = static_cast<float>(std::fma(double{bias[c]} - double{norm.mean[c]}, factor, double{norm.beta[c]}));
    }
}

}  // namespace lowbit
