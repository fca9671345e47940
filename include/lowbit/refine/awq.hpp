// SPDX-License-Identifier: Apache-2.0
/// @file
/// AWQ: weights that large activations meet get finer steps (Lin et al. 2024, "AWQ: Activation-aware Weight
/// Quantization", section 3.2), for any scheme.
///
///     s_j = E|x_j|^α, normalised so that its largest and smallest multiply to 1;  W ← W·diag(s),  x ← x/s
///
/// α is searched on a grid of twenty points, by the error of the layer's output. Then the range of each set of weights
/// that share a scale may be clipped, by the same error.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/refine/channels.hpp>
#include <lowbit/refine/input_moments.hpp>
#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/quantize.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lowbit {

/// The best scales found. α = 0 means that none helped: all scales are 1.
struct awq_result {
    std::vector<float> scales;
    double alpha = 0;
    double error = 0;  ///< E‖ŷ − y‖² with these scales
};

/// Searches s for weights (axis 0 the output channel, the rest as many columns as the moments have). channels: how many
/// inputs have a scale of their own, where column j reads channel j mod channels (a convolution's patches); 0: all.
/// Complexity: twenty times quantize and O(out·in²). Errors: sizes that differ; what the scheme refuses.
template <scheme S>
awq_result awq_scales(tensor_view<const float> weights, const input_moments& moments, const S& s,
                      std::ptrdiff_t channels = 0, const executor& exec = {}) {
    const std::ptrdiff_t columns = moments.columns();
    if (channels == 0) channels = columns;
    check(columns > 0 && as_matrix(weights).cols() == columns, "awq_scales: weights ", to_string(weights.shape()),
          " for ", columns, " inputs");
    check(channels > 0 && columns % channels == 0, "awq_scales: ", channels, " channels do not divide ", columns,
          " inputs");
    const Eigen::MatrixXd gram = moments.gram();
    const Eigen::ArrayXd by_column = moments.mean_magnitude();
    const std::ptrdiff_t taps = columns / channels;
    const Eigen::ArrayXd magnitude = by_column.reshaped(channels, taps).rowwise().mean().max(1e-12);
    awq_result best;
    for (int step = 0; step < 20; ++step) {
        const double alpha = step / 20.0;
        Eigen::ArrayXd scales = magnitude.pow(alpha);
        scales = (scales / std::sqrt(scales.maxCoeff() * scales.minCoeff())).max(1e-4).min(1e4);
        const Eigen::ArrayXf by_channel = scales.cast<float>(), factors = by_channel.replicate(taps, 1);
        tensor<float> scaled(weights);
        as_matrix(scaled).array().rowwise() *= factors.transpose();
        tensor<float> rounded = dequantize(quantize(scaled, s, exec), exec);
        as_matrix(rounded).array().rowwise() /= factors.transpose();
        const double error = output_error(weights, rounded, gram);
        if (step > 0 && !(error < best.error)) continue;
        best = {std::vector<float>(by_channel.begin(), by_channel.end()), alpha, error};
    }
    return best;
}

/// Parameters of an affine scheme from ranges shrunk to 100, 95, … 50 %, each set by the output error that its weights
/// cause alone. Sets must lie in one row: per channel of axis 0, or groups of the last axis. Complexity O(12·n·size).
/// Errors: sizes that differ; another granularity.
inline std::vector<affine_params> awq_clip(tensor_view<const float> weights, const Eigen::MatrixXd& gram,
                                           const affine& scheme, const executor& exec = {}) {
    const std::ptrdiff_t columns = as_matrix(weights).cols();
    check(gram.rows() == columns && gram.cols() == columns, "awq_clip: weights with ", columns,
          " inputs, a gram matrix of ", gram.rows(), " x ", gram.cols());
    const partition sets(weights.shape(), scheme.granularity);
    check(sets.count() > 0 && sets[0].rows == 1 && sets[0].stride == 1 && sets[0].length <= columns,
          "awq_clip: sets of weights that share a scale must lie in one row: per_channel(0), or per_group of the last "
          "axis");
    std::vector<affine_params> params = choose_params(weights, scheme, exec);
    exec.parallel_for(sets.count(), [&](std::ptrdiff_t i) {
        const value_set set = sets[i];
        const tensor_view<const float> values(weights.data() + set.offset, {set.length});
        const std::ptrdiff_t column = set.offset % columns;
        const auto error_with = [&](const affine_params& p) {
            Eigen::VectorXd difference(set.length);
            const affine_grid grid{1.0f / p.scale, p.zero_point, scheme.lowest(), scheme.highest(), scheme.ties};
            for (std::ptrdiff_t k = 0; k < set.length; ++k) {
                const float stored = dequantize_value(quantize_value(values[k], grid), p.scale, p.zero_point);
                difference[k] = double{stored} - double{values[k]};
            }
            return difference.dot(gram.block(column, column, set.length, set.length) * difference);
        };
        const range all = detail::checked_range(values, scheme, {.length = set.length});
        affine_params& best = params[static_cast<std::size_t>(i)];
        double least = error_with(best);
        for (int step = 0; step <= 10; ++step) {
            const float share = 1 - 0.05f * static_cast<float>(step);
            const affine_params candidate = choose_params({all.min * share, all.max * share}, scheme);
            const double error = error_with(candidate);
            if (error < least) best = candidate, least = error;
        }
    });
    return params;
}

}  // namespace lowbit
