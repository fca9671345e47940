// SPDX-License-Identifier: Apache-2.0
/// @file
/// How far an approximation is from the truth: mean squared error, SQNR, cosine similarity, largest difference.
///
/// All sums are in float64. SQNR = 10·log10(Σ x² / Σ (x − y)²), in decibel: 6.02 dB are one bit.
#pragma once

#include <lowbit/core/source.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowbit {

/// The sums that every metric is made of, gathered in one pass.
struct error_sums {
    double signal = 0;     ///< Σ x²
    double noise = 0;      ///< Σ (x − y)²
    double cross = 0;      ///< Σ x·y
    double approx = 0;     ///< Σ y²
    double max_error = 0;  ///< max |x − y|
    std::ptrdiff_t count = 0;

    /// Mean of (x − y)²; 0 for no values.
    double mse() const { return count ? noise / static_cast<double>(count) : 0.0; }
    double rmse() const { return std::sqrt(mse()); }
    /// Decibel; +infinity where nothing differs.
    double sqnr_db() const {
        return noise == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
    }
    /// In [−1, 1]; 1 where both are all zero.
    double cosine() const {
        if (signal == 0 && approx == 0) return 1.0;
        return signal == 0 || approx == 0 ? 0.0 : cross / std::sqrt(signal * approx);
    }
};

/// Compares an approximation with the truth. x and y: anything `read` takes, of equal size. Complexity O(n).
/// Errors: sizes that differ.
template <class X, class Y>
error_sums compare(const X& truth, const Y& approximation) {
    const auto x = read(truth);
    const auto y = read(approximation);
    check(x.size() == y.size(), "compare: ", x.size(), " values against ", y.size());
    error_sums sums{.count = x.size()};
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        const double a = static_cast<double>(x[i]), b = static_cast<double>(y[i]), difference = a - b;
        sums.signal += a * a;
        sums.noise += difference * difference;
        sums.cross += a * b;
        sums.approx += b * b;
        sums.max_error = std::max(sums.max_error, std::abs(difference));
    }
    return sums;
}

/// Mean of (x − y)².
template <class X, class Y>
double mse(const X& truth, const Y& approximation) {
    return compare(truth, approximation).mse();
}

/// Signal to quantization noise ratio in decibel.
template <class X, class Y>
double sqnr_db(const X& truth, const Y& approximation) {
    return compare(truth, approximation).sqnr_db();
}

/// Cosine of the angle between x and y as vectors.
template <class X, class Y>
double cosine(const X& truth, const Y& approximation) {
    return compare(truth, approximation).cosine();
}

/// max |x − y|.
template <class X, class Y>
double max_error(const X& truth, const Y& approximation) {
    return compare(truth, approximation).max_error;
}

}  // namespace lowbit
