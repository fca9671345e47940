// SPDX-License-Identifier: Apache-2.0
/// @file
/// ACIQ: the clip that is optimal for a Laplace or Gauss density (Banner et al. 2019, "Post training 4-bit quantization
/// of convolutional networks for rapid-deployment", section 3): the zero of the derivative of
///
///     clipping noise  2·∫_α^∞ (x − α)² f(x) dx   +   rounding noise  α²/(3·4^M).
///
/// Laplace (in units of b = E|x − μ|): α·e^α = 3·4^M, so α = W(3·4^M), Lambert's W.
/// Gauss (in units of σ): φ(α) − α·Q(α) = α/(6·4^M), Q the upper tail.
/// After a ReLU only [0, α] is covered, with steps half as wide: the same with one bit more. Any number of bits.
#pragma once

#include <lowbit/calibrate/distribution.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowbit {

/// Densities that ACIQ knows.
enum class density { laplace, gauss };

/// α/b (Laplace) or α/σ (Gauss). bits ≥ 1. Bisection to the last bit.
inline double aciq_factor(density kind, int bits, bool fused_relu) {
    const double levels = std::ldexp(1.0, 2 * (bits + (fused_relu ? 1 : 0)));
    const auto slope = [&](double a) {  // of the model's noise; rising, with its zero at the optimum
        if (kind == density::laplace) return a - 3 * levels * std::exp(-a);
        constexpr double inverse_root_two_pi = 0.3989422804014327, root_half = 0.7071067811865476;
        const double pdf = inverse_root_two_pi * std::exp(-a * a / 2), upper = std::erfc(a * root_half) / 2;
        return a / (6 * levels) - (pdf - a * upper);
    };
    double low = 0, high = 64;
    for (int step = 0; step < 64; ++step) {
        const double middle = (low + high) / 2;
        (slope(middle) < 0 ? low : high) = middle;
    }
    return (low + high) / 2;
}

/// ACIQ's statistics of data: where its density is centered, and how wide it is (b or σ).
struct spread {
    double center = 0;
    double width = 0;
};

/// Of all values, about their mean; after a ReLU, of the positive ones, as one half of a density about 0.
template <distribution D>
spread aciq_spread(const D& values, density kind, bool fused_relu) {
    const tail seen = fused_relu ? values.above(std::numeric_limits<float>::denorm_min()) : everything(values);
    if (seen.count == 0) return {};
    const double mean = seen.sum / seen.count, center = fused_relu ? 0 : mean;
    if (kind == density::gauss) {
        return {center, std::sqrt(std::max(0.0, values.square_sum() / seen.count - center * center))};
    }
    return {center, fused_relu ? mean : absolute_deviation(values, mean) / seen.count};
}

}  // namespace lowbit
