// SPDX-License-Identifier: Apache-2.0
/// @file
/// Batch normalization folded during training, so that the weights that are quantized are those of inference.
///
/// The layer computes y = c·(Ŵ∗x) + B per output channel, Ŵ the fake-quantized W, with
///
/// | | W | c | B |
/// |---|---|---|---|
/// | batch (Jacob et al. 2018, section 3.2) | γ·w/σ_B | 1 | β − γ·μ_B/σ_B |
/// | corrected (Krishnamoorthi 2018, section 3.2.2) | γ·w/σ | σ/σ_B | β − γ·μ_B/σ_B |
/// | frozen (the same, later in training) | γ·w/σ | 1 | β − γ·μ/σ |
///
/// μ_B, σ_B: of the batch (variance + ε under the root); μ, σ: running. `corrected` quantizes weights that do not
/// jitter with the batch, and yet normalizes with it. Gradients to the batch statistics come out too: whoever computed
/// them from w∗x carries them on.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <cmath>
#include <cstddef>

namespace lowbit {

/// Which statistics are folded into the weights and the bias.
enum class bn_folding { batch, corrected, frozen };

/// A batch normalization in training: γ and β, the batch's statistics and the running ones, one value per channel.
struct bn_training_view {
    tensor_view<const float> gamma{}, beta{}, batch_mean{}, batch_variance{}, mean{}, variance{};
    float epsilon = 1e-5f;
};

/// W, c and B.
struct bn_folded {
    tensor<float> weights{}, correction{}, bias{};
};

/// dL/d of what went in. Those of the batch statistics are 0 where frozen; the running ones have none.
struct bn_gradients {
    tensor<float> weights{}, gamma{}, beta{}, batch_mean{}, batch_variance{};
};

namespace detail {

struct bn_deviations {
    double batch, running;
};

inline bn_deviations checked_deviations(const bn_training_view& bn, std::ptrdiff_t channel) {
    const double batch = double{bn.batch_variance[channel]} + double{bn.epsilon};
    const double running = double{bn.variance[channel]} + double{bn.epsilon};
    check(batch > 0 && running > 0, "fold_for_training: variance + epsilon of channel ", channel,
          " is not positive: batch ", batch, ", running ", running);
    return {std::sqrt(batch), std::sqrt(running)};
}

inline std::ptrdiff_t checked_channels(tensor_view<const float> weights, const bn_training_view& bn) {
    check(weights.rank() >= 1, "fold_for_training: weights without an axis of channels");
    const std::ptrdiff_t channels = weights.shape()[0];
    for (const auto* part : {&bn.gamma, &bn.beta, &bn.batch_mean, &bn.batch_variance, &bn.mean, &bn.variance}) {
        check(part->size() == channels, "fold_for_training: ", part->size(), " parameters for ", channels, " channels");
    }
    return channels;
}

}  // namespace detail

/// Forward. Weights: output channel as axis 0. Complexity O(n).
/// Errors: counts that are not the weights' channels; a variance + ε that is not positive.
inline bn_folded fold_for_training(tensor_view<const float> weights, const bn_training_view& bn, bn_folding how) {
    const std::ptrdiff_t channels = detail::checked_channels(weights, bn);
    bn_folded folded{tensor<float>(weights), tensor<float>({channels}, 1.0f), tensor<float>({channels})};
    const std::ptrdiff_t columns = channels == 0 ? 0 : weights.size() / channels;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const auto [batch, running] = detail::checked_deviations(bn, c);
        const double gamma = double{bn.gamma[c]}, inside = how == bn_folding::batch ? batch : running;
        const bool frozen = how == bn_folding::frozen;
        for (std::ptrdiff_t i = c * columns; i < (c + 1) * columns; ++i) {
            folded.weights[i] = static_cast<float>(double{weights[i]} * (gamma / inside));
        }
        if (how == bn_folding::corrected) folded.correction[c] = static_cast<float>(running / batch);
        const double mean = double{frozen ? bn.mean[c] : bn.batch_mean[c]}, spread = frozen ? running : batch;
        folded.bias[c] = static_cast<float>(std::fma(-mean, gamma / spread, double{bn.beta[c]}));
    }
    return folded;
}

/// Backward: from dL/dW (after the straight-through step), dL/dc and dL/dB. Complexity O(n). Errors: as the forward
/// pass; gradients of other sizes.
inline bn_gradients fold_for_training_backward(tensor_view<const float> weights, const bn_training_view& bn,
                                               bn_folding how, tensor_view<const float> weight_gradients,
                                               tensor_view<const float> correction_gradients,
                                               tensor_view<const float> bias_gradients) {
    const std::ptrdiff_t channels = detail::checked_channels(weights, bn);
    check(weight_gradients.size() == weights.size() && correction_gradients.size() == channels &&
              bias_gradients.size() == channels,
          "fold_for_training_backward: gradients of ", weight_gradients.size(), " weights, ",
          correction_gradients.size(), " corrections and ", bias_gradients.size(), " biases for ",
          to_string(weights.shape()));
    bn_gradients g{tensor<float>(weights.shape()), tensor<float>({channels}), tensor<float>({channels}),
                   tensor<float>({channels}), tensor<float>({channels})};
    const std::ptrdiff_t columns = channels == 0 ? 0 : weights.size() / channels;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const auto [batch, running] = detail::checked_deviations(bn, c);
        const double gamma = double{bn.gamma[c]}, inside = how == bn_folding::batch ? batch : running;
        const double bias_gradient = double{bias_gradients[c]};
        double along_weights = 0;  // Σ dL/dW·w
        for (std::ptrdiff_t i = c * columns; i < (c + 1) * columns; ++i) {
            along_weights += double{weight_gradients[i]} * double{weights[i]};
            g.weights[i] = static_cast<float>(double{weight_gradients[i]} * (gamma / inside));
        }
        const bool frozen = how == bn_folding::frozen;
        const double mean = double{frozen ? bn.mean[c] : bn.batch_mean[c]}, spread = frozen ? running : batch;
        g.gamma[c] = static_cast<float>(along_weights / inside - bias_gradient * mean / spread);
        g.beta[c] = bias_gradients[c];
        if (frozen) continue;
        g.batch_mean[c] = static_cast<float>(-bias_gradient * gamma / batch);
        double deviation = bias_gradient * gamma * mean / (batch * batch);  // dL/dσ_B
        if (how == bn_folding::batch) deviation -= along_weights * gamma / (batch * batch);
        if (how == bn_folding::corrected) deviation -= double{correction_gradients[c]} * running / (batch * batch);
        g.batch_variance[c] = static_cast<float>(deviation / (2 * batch));
    }
    return g;
}

}  // namespace lowbit
