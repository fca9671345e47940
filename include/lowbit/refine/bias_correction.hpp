// SPDX-License-Identifier: Apache-2.0
/// @file
/// Bias correction: rounded weights shift the mean of every output; the bias takes it back (Nagel et al. 2019,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2):
///
///     E[W̃x] − E[Wx] = (W̃ − W)·E[x],    b ← b − (W̃ − W)·E[x].
///
/// E[x] is measured, or follows from the batch norm before: with pre-activations N(β, γ²),
///
///     E[ReLU]  = γ·φ(β/γ) + β·Φ(β/γ)
///     E[ReLU6] = γ·(φ(a) − φ(b)) + β·(Φ(b) − Φ(a)) + 6·(1 − Φ(b)),   a = −β/γ,  b = (6 − β)/γ.
#pragma once

#include <lowbit/refine/channels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

namespace detail {

inline double normal_density(double x) { return 0.3989422804014327 * std::exp(-x * x / 2); }
inline double normal_below(double x) { return std::erfc(-x * 0.7071067811865476) / 2; }

}  // namespace detail

/// E[min(max(x, 0), cap)] for x ~ N(mean, deviation²). deviation ≥ 0.
inline double expected_clamp(double mean, double deviation, double cap) {
    if (deviation <= 0) return std::min(std::max(mean, 0.0), cap);
    using namespace detail;
    const double a = -mean / deviation, b = (cap - mean) / deviation;
    return deviation * (normal_density(a) - normal_density(b)) + mean * (normal_below(b) - normal_below(a)) +
           cap * (1 - normal_below(b));
}

/// E[max(x, 0)] for x ~ N(mean, deviation²). deviation ≥ 0.
inline double expected_relu(double mean, double deviation) {
    if (deviation <= 0) return std::max(mean, 0.0);
    return deviation * detail::normal_density(mean / deviation) + mean * detail::normal_below(mean / deviation);
}

/// Corrects the bias of a layer whose exact weights become `rounded`. input_mean: E[x] of each input channel.
/// Away from the padding this is exact. Errors: sizes that do not fit; no bias.
inline void correct_bias(const layer_view& exact, tensor_view<const float> rounded, std::span<const float> input_mean) {
    check(exact.bias.size() == exact.outputs(), "correct_bias: ", exact.bias.size(), " biases for ", exact.outputs(),
          " outputs");
    check(rounded.size() == exact.weights.size(), "correct_bias: ", rounded.size(), " rounded weights for ",
          exact.weights.size());
    std::vector<double> shift(static_cast<std::size_t>(exact.outputs()));
    std::ptrdiff_t at = 0;
    for_each_weight(exact, std::ssize(input_mean), [&](float w, std::ptrdiff_t out, std::ptrdiff_t in) {
        const double difference = double{rounded[at++]} - double{w};
        shift[static_cast<std::size_t>(out)] += difference * double{input_mean[static_cast<std::size_t>(in)]};
    });
    for (std::ptrdiff_t i = 0; i < exact.bias.size(); ++i) {
        exact.bias[i] = static_cast<float>(exact.bias[i] - shift[static_cast<std::size_t>(i)]);
    }
}

/// Corrects a bias by what was seen at the layer's output: b ← b + E[exact output] − E[output of the rounded layer].
/// Also exact at the padding, and with everything before the layer quantized too. Errors: sizes that differ.
inline void correct_bias(tensor_view<float> bias, std::span<const float> exact_mean,
                         std::span<const float> rounded_mean) {
    check(bias.size() == std::ssize(exact_mean) && exact_mean.size() == rounded_mean.size(),
          "correct_bias: ", exact_mean.size(), " and ", rounded_mean.size(), " means for ", bias.size(), " biases");
    for (std::ptrdiff_t i = 0; i < bias.size(); ++i) {
        const auto c = static_cast<std::size_t>(i);
        bias[i] = static_cast<float>(bias[i] + (double{exact_mean[c]} - double{rounded_mean[c]}));
    }
}

}  // namespace lowbit
