// SPDX-License-Identifier: Apache-2.0
/// @file
/// AdaRound: learn for each weight whether to round up or down, so that the layer's output changes least (Nagel et al.
/// 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization", equations 21 to 25).
///
///     W̃ = S·(clamp(⌊W/S⌋ + Z + h(V)) − Z),   h(V) = clamp(1.2·σ(V) − 0.1, 0, 1),   V₀ such that h is the fraction
///     minimise  E‖W̃x − Wx‖² + λ·Σ (1 − |2h − 1|^β)
///
/// by Adam: without the second term for the first fifth, then with β falling from 20 to 2, which drives h to 0 or 1.
///
/// The first term is quadratic in W̃, so the data enters only through G = E[x·xᵀ] (refine/input_moments.hpp): every step
/// sees all calibration rows, nothing is sampled, and rows of W are independent of each other. It is divided by its
/// mean per weight under rounding to nearest, so that λ means the same for every layer.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/refine/input_moments.hpp>
#include <lowbit/schemes/affine.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// How AdaRound learns.
struct adaround_options {
    int iterations = 4000;
    float rate = 3e-3f;         ///< Adam's step size
    float regularization = 10;  ///< λ
    float warm_up = 0.2f;       ///< share of the iterations without regularization
    float first_beta = 20, last_beta = 2;
};

namespace detail {

/// Learns h for some rows and gives their codes. real_codes: W/S + Z; scales: S of each weight; gram: normalized.
inline Eigen::ArrayXXf adaround_codes(const Eigen::ArrayXXf& real_codes, const Eigen::ArrayXXf& scales,
                                      const Eigen::MatrixXf& gram, float lowest, float highest,
                                      const adaround_options& options) {
    using array = Eigen::ArrayXXf;
    constexpr float stretch = 1.2f, offset = -0.1f;  // ζ − γ and γ of the rectified sigmoid
    const array floors = real_codes.floor();
    array v = -(stretch / (real_codes - floors - offset) - 1).log();
    array sigmoid, h, codes, gradient, first = array::Zero(v.rows(), v.cols()), second = first;
    Eigen::MatrixXf error, pull(v.rows(), v.cols());
    float first_decay = 1, second_decay = 1;
    const float iterations = static_cast<float>(options.iterations), warm_up = options.warm_up * iterations;
    for (int i = 0; i < options.iterations; ++i) {
        const float step = static_cast<float>(i);
        sigmoid = 1 / (1 + (-v).exp());
        h = (stretch * sigmoid + offset).max(0.0f).min(1.0f);
        codes = floors + h;
        error = (scales * (codes.max(lowest).min(highest) - real_codes)).matrix();
        pull.noalias() = error * gram;
        gradient = 2 * scales * pull.array() * (codes >= lowest && codes <= highest).template cast<float>();
        if (step >= warm_up) {
            const float left = (iterations - step) / (iterations - warm_up);
            const float beta = options.last_beta + (options.first_beta - options.last_beta) * left;
            gradient -= 2 * options.regularization * beta * (2 * h - 1).sign() *
                        ((beta - 1) * (2 * h - 1).abs().max(1e-30f).log()).exp();
        }
        gradient *= stretch * sigmoid * (1 - sigmoid) * (h > 0 && h < 1).template cast<float>();
        first = 0.9f * first + 0.1f * gradient;
        second = 0.999f * second + 0.001f * gradient.square();
        first_decay *= 0.9f;
        second_decay *= 0.999f;
        v -= options.rate / (1 - first_decay) * first / ((second / (1 - second_decay)).sqrt() + 1e-8f);
    }
    return (floors + (v >= 0).template cast<float>()).max(lowest).min(highest);
}

}  // namespace detail

/// Weights rounded up or down, as learned. Weights: axis 0 is the output channel, all others together the columns, as
/// many as the gram matrix E[x·xᵀ] of the inputs has. params: S and Z, one for each set of
/// `partition(shape, scheme.granularity)`. Complexity O(iterations·rows·columns²).
/// Errors: sizes that differ; parameters that are not valid; no iterations.
inline affine_tensor adaround(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const affine& scheme,
                              std::span<const affine_params> params, const adaround_options& options = {},
                              const executor& exec = {}) {
    const auto exact = as_matrix(weights);
    check(exact.cols() == gram.cols() && gram.rows() == gram.cols(), "adaround: weights with ", exact.cols(),
          " inputs, a gram matrix of ", gram.rows(), " x ", gram.cols());
    check(options.iterations > 0, "adaround: ", options.iterations, " iterations");
    const partition sets(weights.shape(), scheme.granularity);
    affine_tensor nearest = quantize(weights, scheme, params, exec);
    const double nearest_error = output_error(weights, dequantize(nearest, exec), gram);
    if (!(nearest_error > 0)) return nearest;
    const Eigen::MatrixXf normalized = (gram * (static_cast<double>(weights.size()) / nearest_error)).cast<float>();

    tensor<float> rounded(weights.shape());
    constexpr std::ptrdiff_t rows_at_once = 32;
    exec.parallel_for(ceil_div<std::ptrdiff_t>(exact.rows(), rows_at_once), [&](std::ptrdiff_t task) {
        const std::ptrdiff_t first = task * rows_at_once, rows = std::min(rows_at_once, exact.rows() - first);
        Eigen::ArrayXXf real_codes(rows, exact.cols()), scales(rows, exact.cols()), zeros(rows, exact.cols());
        for (std::ptrdiff_t r = 0; r < rows; ++r) {
            for (std::ptrdiff_t c = 0; c < exact.cols(); ++c) {
                const std::ptrdiff_t at = (first + r) * exact.cols() + c;
                const auto [scale, zero] = params[static_cast<std::size_t>(sets.set_of(at))];
                scales(r, c) = scale;
                zeros(r, c) = static_cast<float>(zero);
                real_codes(r, c) = weights[at] / scale + zeros(r, c);
            }
        }
        const Eigen::ArrayXXf codes =
            detail::adaround_codes(real_codes, scales, normalized, static_cast<float>(scheme.lowest()),
                                   static_cast<float>(scheme.highest()), options);
        as_matrix(rounded).middleRows(first, rows) = (scales * (codes - zeros)).matrix();
    });
    return quantize(rounded, scheme, params, exec);
}

/// As above, with the parameters that `quantize` would choose.
inline affine_tensor adaround(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const affine& scheme,
                              const adaround_options& options = {}, const executor& exec = {}) {
    return adaround(weights, gram, scheme, choose_params(weights, scheme, exec), options, exec);
}

}  // namespace lowbit
