// SPDX-License-Identifier: Apache-2.0
/// @file
/// HQQ: zero points that keep the outliers' errors from deciding, without any data (Badri & Shaji 2023, "Half-Quadratic
/// Quantization of Large Machine Learning Models").
///
/// Minimises Σ |w − S(q − z)|^p, p = 0.7, over z, by half-quadratic splitting: the errors e take what shrinking leaves,
///
///     e = sign(r)·max(0, |r| − |r|^(p−1)/β),  r = w − S(q − z);     z = mean(q − (w − e)/S);     β ← κ·β.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/schemes/affine.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace lowbit {

/// How HQQ fits.
struct hqq_options {
    double p = 0.7, beta = 10, kappa = 1.01;
    int iterations = 20;
};

/// The fitted zero point, not rounded, of values on codes lowest … highest with this scale; starts at `zero`, and gives
/// the best one seen by Σ|error|. The values may be in any unit: β means the same for all.
inline double hqq_zero(std::span<const float> values, double scale, double zero, int lowest, int highest,
                       const hqq_options& options = {}) {
    double best = zero, least = std::numeric_limits<double>::max(), beta = options.beta;
    for (int iteration = 0; iteration < options.iterations; ++iteration) {
        double errors = 0, sum = 0;
        for (const float w : values) {
            const double real = double{w} / scale;  // in steps
            const double code = std::clamp<double>(std::nearbyint(real + zero), lowest, highest);
            const double residual = real - (code - zero), magnitude = std::abs(residual);
            errors += magnitude;
            const double shrunk = magnitude > 0 ? magnitude - std::pow(magnitude, options.p - 1) / beta : 0;
            sum += code - (real - std::copysign(std::max(0.0, shrunk), residual));
        }
        if (errors < least) best = zero, least = errors;
        zero = sum / static_cast<double>(values.size());
        beta *= options.kappa;
    }
    return best;
}

/// S and Z of each set of weights, Z an integer as affine codes have it: the fitted zero point rounded either way, each
/// with the scale that fits it best in the least-squares sense, or what `choose_params` gives, whichever has the least
/// Σ|w − ŵ|^p. Errors: a symmetric scheme; what choose_params refuses. Complexity O(iterations·n).
inline std::vector<affine_params> hqq_params(tensor_view<const float> weights, const affine& scheme,
                                             const hqq_options& options = {}, const executor& exec = {}) {
    check(!scheme.symmetric, "hqq_params: a symmetric scheme has no zero points to fit; use :asymmetric");
    const partition sets(weights.shape(), scheme.granularity);
    std::vector<affine_params> params = choose_params(weights, scheme, exec);
    exec.parallel_for(sets.count(), [&](std::ptrdiff_t i) {
        std::vector<float> values;
        sets[i].for_each([&](std::ptrdiff_t at) { values.push_back(weights[at]); });
        if (values.empty()) return;
        const auto code_of = [&](float w, const affine_params& p) {
            return quantize_value(w, {1.0f / p.scale, p.zero_point, scheme.lowest(), scheme.highest(), scheme.ties});
        };
        const auto error_with = [&](const affine_params& p) {
            double error = 0;
            for (const float w : values) {
                const float stored = dequantize_value(code_of(w, p), p.scale, p.zero_point);
                error += std::pow(std::abs(double{w} - double{stored}), options.p);
            }
            return error;
        };
        affine_params& best = params[static_cast<std::size_t>(i)];
        double least = error_with(best);
        const double fitted =
            hqq_zero(values, double{best.scale}, best.zero_point, scheme.lowest(), scheme.highest(), options);
        const float start = best.scale;
        for (const double zero : {std::floor(fitted), std::ceil(fitted)}) {
            affine_params candidate{
                start, static_cast<std::int32_t>(std::clamp<double>(zero, scheme.lowest(), scheme.highest()))};
            for (int refit = 0; refit < 4; ++refit) {
                const double error = error_with(candidate);
                if (error < least) best = candidate, least = error;
                double product = 0, square = 0;
                for (const float w : values) {
                    const double steps = code_of(w, candidate) - candidate.zero_point;
                    product += steps * double{w};
                    square += steps * steps;
                }
                if (!(product > 0)) break;
                candidate.scale = storable_scale(product / square, scheme.scale_type);
            }
        }
    });
    return params;
}

}  // namespace lowbit
