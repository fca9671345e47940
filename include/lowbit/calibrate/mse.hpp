// SPDX-License-Identifier: Apache-2.0
/// @file
/// The uniform grid with the least squared error, by search over the error itself.
///
/// For codes k = l … h of value k·S, each x goes to its nearest code, and
///
///     Σ (x − x̂)² = Σ x² − 2S·A + S²·B,   A = l·Σx + Σ_k T(k),   B = l²·n + Σ_k (2k−1)·N(k),   k = l+1 … h,
///
/// where N(k) and T(k) are number and sum of the values at or above (k−½)S. So one scale costs one look-up per code,
/// not one step per value. The error is not convex in S: a geometric grid finds the basins, golden sections the bottom
/// of the best of them. Exact for `sorted_values`: no histogram, no sampling.
#pragma once

#include <lowbit/calibrate/distribution.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace lowbit {

/// A uniform grid, codes `lowest` … `highest` of value code·scale, and Σ (x − x̂)² on it.
struct uniform_grid {
    double scale = 0;
    int lowest = 0, highest = 0;
    double error = 0;

    /// What the end codes mean.
    range covered() const { return {static_cast<float>(lowest * scale), static_cast<float>(highest * scale)}; }
};

/// Σ (x − x̂)² on the grid. lowest ≤ 0 ≤ highest, scale > 0. Complexity O(highest − lowest) look-ups.
template <distribution D>
double grid_error(const D& d, double scale, int lowest, int highest) {
    const tail all = everything(d);
    double products = lowest * all.sum, squares = double(lowest) * lowest * all.count;
    for (int k = lowest + 1; k <= highest; ++k) {
        const tail upper = d.above((k - 0.5) * scale);
        products += upper.sum;
        squares += (2.0 * k - 1) * upper.count;
    }
    return std::max(0.0, d.square_sum() - scale * (2 * products - scale * squares));
}

/// The best scale for fixed end codes. All zero: scale 0. Complexity about 100·(highest − lowest) look-ups.
template <distribution D>
uniform_grid best_scale(const D& d, int lowest, int highest) {
    const auto [low, high] = d.extremes();
    // Beyond this scale the end codes are not used; below it, even half of the mean magnitude is clipped.
    const double widest = std::max(highest > 0 ? high / (highest - 0.5) : 0.0, lowest < 0 ? low / (lowest + 0.5) : 0.0);
    if (!(widest > 0)) return {0, lowest, highest, d.square_sum()};
    const double narrowest =
        std::min(widest / 2, 0.5 * absolute_deviation(d, 0) / everything(d).count / std::max(highest, -lowest));

    constexpr int steps = 64, basins = 3, sections = 14;
    const double ratio = std::pow(narrowest / widest, 1.0 / (steps - 1));
    const auto error_at = [&](double scale) { return grid_error(d, scale, lowest, highest); };
    const auto scale_of = [&](int step) { return widest * std::pow(ratio, step); };
    std::array<double, steps> errors;
    for (int i = 0; i < steps; ++i) errors[static_cast<std::size_t>(i)] = error_at(scale_of(i));

    uniform_grid best{scale_of(0), lowest, highest, errors[0]};
    const auto offer = [&](double scale, double error) {
        if (error < best.error) best = {scale, lowest, highest, error};
    };
    constexpr double golden = 0.6180339887498949;
    for (int basin = 0; basin < basins; ++basin) {
        const auto lowest_error = std::min_element(errors.begin(), errors.end());
        const int at = static_cast<int>(lowest_error - errors.begin());
        offer(scale_of(at), *lowest_error);
        double a = scale_of(std::min(at + 1, steps - 1)), b = scale_of(std::max(at - 1, 0));
        double left = b - golden * (b - a), right = a + golden * (b - a);
        double left_error = error_at(left), right_error = error_at(right);
        for (int i = 0; i < sections; ++i) {
            if (left_error < right_error) {
                b = std::exchange(right, left);
                right_error = left_error;
                left = b - golden * (b - a);
                left_error = error_at(left);
            } else {
                a = std::exchange(left, right);
                left_error = right_error;
                right = a + golden * (b - a);
                right_error = error_at(right);
            }
        }
        left_error < right_error ? offer(left, left_error) : offer(right, right_error);
        for (int i = std::max(at - 1, 0); i <= std::min(at + 1, steps - 1); ++i) {
            errors[static_cast<std::size_t>(i)] = std::numeric_limits<double>::max();
        }
    }
    return best;
}

/// The best grid of 2^bits codes for values of both signs with a free zero point: all pairs of shrunken ends on a
/// coarse grid, then steps along either end that halve as long as they help. One-sided values: `best_scale`.
/// Complexity about 400·2^bits look-ups.
template <distribution D>
uniform_grid best_asymmetric_grid(const D& d, int bits) {
    const int codes = (1 << bits) - 1;
    const auto [low, high] = d.extremes();
    if (low >= 0) return best_scale(d, 0, codes);
    if (high <= 0) return best_scale(d, -codes, 0);

    uniform_grid best;
    const auto offer = [&](double from, double to) {
        const double scale = (to - from) / codes;
        const int zero = std::clamp(static_cast<int>(std::nearbyint(-from / scale)), 0, codes);
        const uniform_grid grid{scale, -zero, codes - zero, grid_error(d, scale, -zero, codes - zero)};
        if (best.scale != 0 && grid.error >= best.error) return false;
        best = grid;
        return true;
    };
    constexpr int steps = 16;
    const tail all = everything(d), positive = d.above(0);
    const double typical_low = 0.5 * (all.sum - positive.sum) / all.count,
                 typical_high = 0.5 * positive.sum / all.count;
    const double low_ratio = std::pow(std::min(1.0, typical_low / double{low}), 1.0 / (steps - 1));
    const double high_ratio = std::pow(std::min(1.0, typical_high / double{high}), 1.0 / (steps - 1));
    double from = low, to = high;
    for (int i = 0; i < steps; ++i) {
        for (int j = 0; j < steps; ++j) {
            const double f = low * std::pow(low_ratio, i), t = high * std::pow(high_ratio, j);
            if (offer(f, t)) from = f, to = t;
        }
    }
    for (double step = 0.5; step > 1.0 / 1024; step /= 2) {
        const double down = std::pow(low_ratio, step), up = std::pow(high_ratio, step);
        for (const auto& [f, t] : {std::array{down, 1.0}, {1 / down, 1.0}, {1.0, up}, {1.0, 1 / up}}) {
            while (offer(from * f, to * t)) from *= f, to *= t;
        }
    }
    return best;
}

}  // namespace lowbit
