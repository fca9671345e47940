// SPDX-License-Identifier: Apache-2.0
/// @file
/// OCTAV: the clip that minimises a noise model, by Newton–Raphson (Sakr et al. 2022, "Optimal Clipping and
/// Magnitude-aware Differentiation for Improved Quantization-aware Training", equation 6):
///
///     s ← Σ |x|·1{|x| > s}  /  ( 4^−B/c · #{0 < |x| ≤ s} + #{|x| > s} ),    c = 3 signed, 12 unsigned.
///
/// The model takes rounding noise as uniform, which on heavy tails at few bits is far from the real error: there
/// calibrate/mse.hpp is the safe choice.
#pragma once

#include <lowbit/calibrate/distribution.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowbit {

/// One step of the iteration. `magnitudes` are |x|, `nonzero` how many of them are not 0.
template <distribution D>
double octav_step(const D& magnitudes, double nonzero, double clip, int bits, bool is_signed) {
    const tail clipped = magnitudes.above(std::nextafter(clip, std::numeric_limits<double>::max()));
    const double rounding = std::ldexp(1.0, -2 * bits) / (is_signed ? 3 : 12);
    return clipped.sum / (rounding * (nonzero - clipped.count) + clipped.count);
}

/// The clip that the iteration from 0 ends at, in at most 100 steps; 0 where all values are 0. It never passes the
/// largest magnitude.
template <distribution D>
double octav_clip(const D& magnitudes, int bits, bool is_signed) {
    const double nonzero = magnitudes.above(std::numeric_limits<float>::denorm_min()).count;
    if (nonzero == 0) return 0;
    double clip = 0;
    for (int step = 0; step < 100; ++step) {
        const double next = octav_step(magnitudes, nonzero, clip, bits, is_signed);
        if (next == 0) break;  // nothing is clipped any more
        const bool settled = std::abs(next - clip) <= 1e-6 * next;
        clip = next;
        if (settled) break;
    }
    return std::min(clip, double{magnitudes.extremes().max});
}

}  // namespace lowbit
