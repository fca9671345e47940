// SPDX-License-Identifier: Apache-2.0
/// @file
/// Searches of a block's scale: what they minimize, Σ w·(x − x̂)², and how to find a free scale by least squares.
///
/// For fixed codes l_i the scale that minimizes Σ w·(x − s·l)² is s = Σ w·x·l / Σ w·l², which lowers the error from
/// Σ w·x² by (Σ w·x·l)² / Σ w·l². So: try a row of steps around a first guess, take the codes whose decrease is
/// largest, and give their least-squares scale. The same with a constant term for formats with a minimum.
///
/// Sums are in float64. The product of two float32 is exact there, so fused and separate multiply-adds agree.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <cstddef>

namespace lowbit {

/// Σ w·d² over a block in an order that vectors can follow: eight sums, element i in sum i mod 8, folded by halves.
class squared_error {
public:
    /// Adds w·d² for element i of the block: (w·d in float32)·d in float64.
    void add(std::ptrdiff_t i, float difference, float weight = 1.0f) {
        double& sum = sums_[i % 8];
        sum = opaque(sum + static_cast<double>(weight * difference) * static_cast<double>(difference));
    }

    double total() const {
        const double a = opaque(sums_[0] + sums_[4]), b = opaque(sums_[1] + sums_[5]);
        const double c = opaque(sums_[2] + sums_[6]), d = opaque(sums_[3] + sums_[7]);
        return opaque(opaque(a + c) + opaque(b + d));
    }

private:
    double sums_[8] = {};
};

/// The scale s for x ≈ s · level, where `level(y)` rounds y = x / s to what the format can hold. guess ≠ 0, finite:
/// the format's standard scale; its sign is kept. `steps` trials on each side, 1/guess varied by up to `spread`.
/// importance: n weights or null. Complexity O(n · steps).
template <class Level>
float least_squares_scale(const float* x, std::ptrdiff_t n, const float* importance, float guess, int steps,
                          float spread, Level level) {
    double best = 0;
    float scale = guess;
    for (int k = -steps; k <= steps; ++k) {
        const float stretch = opaque(quotient(static_cast<float>(k), static_cast<float>(steps)) * spread);
        const float inverse = quotient(1.0f + stretch, guess);
        double xl = 0, ll = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const float l = level(opaque(x[i] * inverse));
            const float wl = opaque((importance != nullptr ? importance[i] : 1.0f) * l);
            xl = opaque(xl + static_cast<double>(wl) * static_cast<double>(x[i]));
            ll = opaque(ll + static_cast<double>(wl) * static_cast<double>(l));
        }
        if (ll > 0 && opaque(xl * xl) > opaque(best * ll)) {
            best = quotient(opaque(xl * xl), ll);
            scale = static_cast<float>(quotient(xl, ll));
        }
    }
    return scale;
}

/// x ≈ scale · code + minimum.
struct scale_and_minimum {
    float scale = 0;
    float minimum = 0;
};

/// The scale and minimum for codes 0 … highest. lowest and largest: of the values (or of the values and 0).
/// minimum_up_to_zero: only minima ≤ 0 can be stored. Otherwise as above.
inline scale_and_minimum least_squares_line(const float* x, std::ptrdiff_t n, const float* importance, float lowest,
                                            float largest, int highest, bool minimum_up_to_zero, int steps) {
    scale_and_minimum best{quotient(largest - lowest, static_cast<float>(highest)), lowest};
    if (!(best.scale >= 0x1p-126f)) return {0, lowest};
    double least = 0;
    for (int k = -1; k <= steps; ++k) {
        // The standard step first, then finer and coarser ones: highest − 1 … highest + 1 codes over the range.
        const double codes = k < 0 ? highest : highest - 1.0 + quotient(2.0 * k, static_cast<double>(steps));
        const float inverse = static_cast<float>(quotient(codes, static_cast<double>(largest) - lowest));
        double w1 = 0, wl = 0, wll = 0, wx = 0, wxl = 0, wxx = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const float rounded = round_to_integer(opaque(opaque(x[i] - lowest) * inverse));
            const double l = rounded > static_cast<float>(highest) ? highest
                             : rounded < 0                         ? 0.0
                                                                   : static_cast<double>(rounded);
            const double w = importance != nullptr ? importance[i] : 1.0f, value = x[i];
            const double product = opaque(w * value);
            w1 = opaque(w1 + w);
            wl = opaque(wl + opaque(w * l));
            wll = opaque(wll + opaque(opaque(w * l) * l));
            wx = opaque(wx + product);
            wxl = opaque(wxl + opaque(product * l));
            wxx = opaque(wxx + opaque(product * value));
        }
        const double determinant = opaque(w1 * wll) - opaque(wl * wl);
        if (!(determinant > 0)) continue;
        double scale = quotient(opaque(w1 * wxl) - opaque(wl * wx), determinant);
        double minimum = quotient(opaque(wll * wx) - opaque(wl * wxl), determinant);
        if (minimum_up_to_zero && minimum > 0) {
            minimum = 0;
            scale = quotient(wxl, wll);
        }
        // Σ w·(x − s·l − m)², opened up.
        double error = opaque(wxx + opaque(opaque(scale * scale) * wll));
        error = opaque(error + opaque(opaque(minimum * minimum) * w1));
        error = opaque(error - opaque(2 * scale * wxl));
        error = opaque(error - opaque(2 * minimum * wx));
        error = opaque(error + opaque(opaque(2 * scale * minimum) * wl));
        if (scale > 0 && (k < 0 || error < least)) {
            least = error;
            best = {static_cast<float>(scale), static_cast<float>(minimum)};
        }
    }
    return best;
}

}  // namespace lowbit
