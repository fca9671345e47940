// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the clipping methods ask of data: how many values lie above a threshold, and what they sum to.
///
/// From these two, in O(1) or O(log n), follow the exact squared error of any uniform grid (calibrate/mse.hpp), OCTAV's
/// iteration and ACIQ's statistics. `sorted_values` answers exactly; `binned_values` (calibrate/histogram.hpp) answers
/// for a histogram, taking each bin as uniformly filled.
#pragma once

#include <lowbit/calibrate/range.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/radix_sort.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace lowbit {

/// Number and sum of the values at or above a threshold.
struct tail {
    double count = 0;
    double sum = 0;
};

/// Data as the clipping methods see it.
template <class D>
concept distribution = requires(const D& d, double x) {
    { d.above(x) } -> std::same_as<tail>;        // values ≥ x
    { d.quantile(x) } -> std::same_as<float>;    // the smallest value with at least the fraction x at or below it
    { d.square_sum() } -> std::same_as<double>;  // Σ x²
    { d.extremes() } -> std::same_as<range>;     // smallest and largest value
};

/// Number and sum of all values.
template <distribution D>
tail everything(const D& d) {
    return d.above(std::numeric_limits<float>::lowest());
}

/// Σ |x − center|.
template <distribution D>
double absolute_deviation(const D& d, double center) {
    const tail all = everything(d), upper = d.above(center);
    return 2 * (upper.sum - center * upper.count) - (all.sum - center * all.count);
}

/// Values in ascending order with sums of their tails: exact answers in O(log n).
class sorted_values {
public:
    /// Copies and sorts. Complexity O(n). Errors: no values; NaN or infinity, with its index.
    explicit sorted_values(std::span<const float> values) : sorted_values(values, false) {}

    /// The same of |x|.
    static sorted_values magnitudes(std::span<const float> values) { return {values, true}; }

    tail above(double x) const {
        const std::size_t cell = cell_of(x);
        const auto at = std::lower_bound(values_.begin() + cells_[cell], values_.begin() + cells_[cell + 1], x,
                                         [](float a, double b) { return a < b; });
        const auto first = static_cast<std::size_t>(at - values_.begin());
        double sum = block_tails_[ceil_div(first, block)];
        for (std::size_t i = first; i < values_.size() && i % block != 0; ++i) sum += double{values_[i]};
        return {static_cast<double>(values_.size() - first), sum};
    }

    float quantile(double fraction) const {
        const double rank = std::ceil(fraction * static_cast<double>(values_.size()));
        const double last = static_cast<double>(values_.size() - 1);
        return values_[static_cast<std::size_t>(std::clamp(rank - 1, 0.0, last))];
    }

    double square_sum() const { return square_sum_; }
    range extremes() const { return without_negative_zero({values_.front(), values_.back()}); }

private:
    static constexpr std::size_t block = 16;  ///< a sum is kept for every 16th value: an eighth of the memory

    sorted_values(std::span<const float> values, bool magnitudes) : values_(values.size()) {
        finite_range(values, "calibration");
        std::transform(values.begin(), values.end(), values_.begin(),
                       [&](float x) { return magnitudes ? std::abs(x) : x; });
        {
            aligned_vector<float> workspace(values.size());
            radix_sort(values_.data(), std::ssize(values_), workspace.data());
        }
        const std::size_t blocks = ceil_div(values_.size(), block);
        block_tails_.resize(blocks + 1);
        for (std::size_t b = blocks; b-- > 0;) {
            double sum = 0, squares = 0;
            for (std::size_t i = b * block; i < std::min((b + 1) * block, values_.size()); ++i) {
                sum += double{values_[i]};
                squares += double{values_[i]} * double{values_[i]};
            }
            block_tails_[b] = block_tails_[b + 1] + sum;
            square_sum_ += squares;
        }
        const std::size_t cells = std::clamp<std::size_t>(values_.size() / 64, 1, 4096);
        const double width = (double{values_.back()} - double{values_.front()}) / static_cast<double>(cells);
        cells_per_unit_ = width > 0 ? 1 / width : 0;
        cells_.assign(cells + 1, std::ssize(values_));
        cells_[0] = 0;
        for (std::size_t c = 1; c < cells; ++c) {
            const auto in_lower_cell = [&](float x) { return cell_of(double{x}) < c; };
            cells_[c] =
                std::partition_point(values_.begin() + cells_[c - 1], values_.end(), in_lower_cell) - values_.begin();
        }
    }

    /// Which of the equal cells between the extremes x is in; beyond them, the last or first one.
    std::size_t cell_of(double x) const {
        const double position = (x - double{values_.front()}) * cells_per_unit_;
        return static_cast<std::size_t>(std::clamp(position, 0.0, static_cast<double>(cells_.size() - 2)));
    }

    aligned_vector<float> values_;
    std::vector<double> block_tails_;    ///< sum of all values from the block's first on
    std::vector<std::ptrdiff_t> cells_;  ///< where the values of each cell begin: look-ups start near their end
    double cells_per_unit_ = 0;
    double square_sum_ = 0;
};

}  // namespace lowbit
