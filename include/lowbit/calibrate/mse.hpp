// SPDX-License-Identifier: Apache-2.0
/// @file
/// The uniform grid with the least squared error, by search over the error itself.
///
/// For codes k = l … h of value k·S, each x goes to its nearest code, and
///
///     Σ (x − x̂)² = Σ x² − 2S·A + S²·B,   A = l·Σx + Σ_k T(k),   B = l²·n + Σ_k (2k−1)·N(k),   k = l+1 … h,
///
/// where N(k) and T(k) are number and sum of the values at or above (k−½)S. So one scale costs one look-up per code,
/// not one step per value. The error is not convex in S: a geometric grid finds the basins, a finer one the bottom of
/// the best of them. Exact for `sorted_values`: no histogram, no sampling.
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

namespace detail {

/// A and B of the error, S being the scale.
struct grid_sums {
    double products = 0, squares = 0;

    double error(double square_sum, double scale) const {
        return std::max(0.0, square_sum - scale * (2 * products - scale * squares));
    }
};

template <distribution D>
grid_sums sum_on_grid(const D& d, double scale, int lowest, int highest) {
    const tail all = everything(d);
    grid_sums sums{lowest * all.sum, double(lowest) * lowest * all.count};
    for (int k = lowest + 1; k <= highest; ++k) {
        const tail upper = d.above((k - 0.5) * scale);
        sums.products += upper.sum;
        sums.squares += (2.0 * k - 1) * upper.count;
    }
    return sums;
}

}  // namespace detail

/// Σ (x − x̂)² on the grid. lowest ≤ 0 ≤ highest, scale > 0. Complexity O(highest − lowest) look-ups.
template <distribution D>
double grid_error(const D& d, double scale, int lowest, int highest) {
    return detail::sum_on_grid(d, scale, lowest, highest).error(d.square_sum(), scale);
}

/// The best scale for fixed end codes. All zero: scale 0. Complexity about 150·(highest − lowest) look-ups.
template <distribution D>
uniform_grid best_scale(const D& d, int lowest, int highest) {
    uniform_grid best{0, lowest, highest, d.square_sum()};
    const auto [low, high] = d.extremes();
    // A scale above `widest` is never better than its half. At `narrowest` half of the mean magnitude is clipped.
    const double widest =
        2 * std::max(highest > 0 ? double{high} / highest : 0.0, lowest < 0 ? double{low} / lowest : 0.0);
    if (!(widest > 0)) return best;
    const double mean_magnitude = absolute_deviation(d, 0) / everything(d).count;
    const double narrowest = std::min(widest / 4, mean_magnitude / 2 / std::max(highest, -lowest));

    const auto try_scale = [&](double scale) {
        const double error = grid_error(d, scale, lowest, highest);
        if (error < best.error) best = {scale, lowest, highest, error};
        return error;
    };
    constexpr int steps = 64, basins = 3;
    const int fine_steps = everything(d).count < 65536 ? 48 : 16;  // the fewer the values, the rougher the error
    const double ratio = std::pow(narrowest / widest, 1.0 / (steps - 1));
    const auto scale_of = [&](double step) { return widest * std::pow(ratio, step); };
    std::array<double, steps> errors;
    for (int i = 0; i < steps; ++i) errors[static_cast<std::size_t>(i)] = try_scale(scale_of(i));

    for (int basin = 0; basin < basins; ++basin) {
        const auto at = static_cast<int>(std::min_element(errors.begin(), errors.end()) - errors.begin());
        double bottom = at, least = errors[static_cast<std::size_t>(at)];
        const auto search = [&](double spacing, int points) {
            const double middle = bottom;
            for (int i = -points; i <= points; ++i) {
                const double step = middle + i * spacing, error = i == 0 ? least : try_scale(scale_of(step));
                if (error < least) bottom = step, least = error;
            }
        };
        search(2.0 / fine_steps, fine_steps / 2 - 1);
        for (double spacing = 1.0 / fine_steps; spacing > 0.002; spacing /= 2) search(spacing, 1);
        for (int i = std::max(at - 1, 0); i <= std::min(at + 1, steps - 1); ++i) {
            errors[static_cast<std::size_t>(i)] = std::numeric_limits<double>::max();
        }
    }
    // Lloyd's step, S = A/B for the codes as they are: what is on a grid already is found to the last bit.
    for (double before = std::numeric_limits<double>::max(); best.scale > 0 && best.error < before;) {
        before = best.error;
        const detail::grid_sums sums = detail::sum_on_grid(d, best.scale, lowest, highest);
        if (sums.squares > 0) try_scale(sums.products / sums.squares);
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
