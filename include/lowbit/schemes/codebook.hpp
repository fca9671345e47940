// SPDX-License-Identifier: Apache-2.0
/// @file
/// Codebooks: centroids in any order, and the nearest one for a value.
///
/// The nearest centroid is found by comparing with the midpoints between neighbours; a value exactly halfway belongs to
/// the lower one. A table over cells of the values leaves one comparison for nearly every value.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/schemes/value_cells.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace lowbit {

/// Centroids, and how they were found. Label l stands for centroids[l].
struct codebook {
    std::vector<float> centroids;  ///< `kmeans_codebook` gives them ascending and distinct; a caller may in any order
    double objective = 0;  ///< Σ w·(x − nearest)² at the optimum, in float64; 0 where a caller made the book
    int iterations = 0;    ///< shortest-path solutions that it took

    /// How many centroids there are: fewer than asked for where the data has fewer distinct values.
    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(centroids.size()); }
    /// Bits of a label: ⌈log2 size⌉, at least 1.
    int bits() const { return std::max(1, static_cast<int>(std::bit_width(centroids.size() - 1))); }

    /// Equal centroids; how they were found does not matter.
    bool operator==(const codebook& other) const { return centroids == other.centroids; }
};

namespace detail {

inline void check_codebook(std::span<const float> centroids) {
    check(!centroids.empty() && centroids.size() <= 65536, "codebook: ", centroids.size(),
          " centroids; 1 to 65536 are supported");
    for (std::size_t i = 0; i < centroids.size(); ++i) {
        check(is_finite(centroids[i]), "codebook: centroid ", i, " is not finite");
    }
}

/// The label of the nearest centroid, for any number of values.
class nearest_centroid {
public:
    /// Prepares for about `values` questions: many are worth a table. Errors: no centroids, more than 65,536 or some
    /// that are not finite.
    nearest_centroid(std::span<const float> centroids, std::ptrdiff_t values) : order_(centroids.size()) {
        check_codebook(centroids);
        std::iota(order_.begin(), order_.end(), std::uint16_t{0});
        std::stable_sort(order_.begin(), order_.end(),
                         [&](std::uint16_t a, std::uint16_t b) { return centroids[a] < centroids[b]; });
        thresholds_.reserve(centroids.size());
        for (std::size_t i = 1; i < centroids.size(); ++i) {
            thresholds_.push_back(midpoint(centroids[order_[i - 1]], centroids[order_[i]]));
        }
        ascending_ = std::is_sorted(order_.begin(), order_.end());
        if (values >= 4096) build_table();
    }

    std::uint16_t operator()(float x) const {
        std::uint16_t label = 0;
        label_all(&x, 1, &label);
        return label;
    }

    /// The labels of n values. Label: std::uint16_t, or std::uint8_t for at most 256 centroids.
    template <class Label>
    void label_all(const float* x, std::ptrdiff_t n, Label* labels) const {
        const auto each = [&](auto rank_of) {
            for (std::ptrdiff_t i = 0; i < n; ++i) labels[i] = static_cast<Label>(rank_of(x[i]));
        };
        if (steps_ == 1) {
            each([&](float v) {
                const std::size_t rank = first_rank_[static_cast<std::size_t>(cells_(v))];
                return rank + (v > thresholds_[rank]);
            });
        } else if (steps_ > 1) {
            each([&](float v) { return by_table(v); });
        } else {
            each([&](float v) { return by_search(v); });
        }
        if (ascending_) return;
        for (std::ptrdiff_t i = 0; i < n; ++i) labels[i] = static_cast<Label>(order_[labels[i]]);
    }

private:
    /// The largest float that is not above the midpoint: x is nearer to the upper one exactly when x is above it.
    static float midpoint(float a, float b) {
        const double exact = (double(a) + double(b)) / 2;
        const float rounded = static_cast<float>(exact);
        return double(rounded) > exact ? std::nextafter(rounded, -std::numeric_limits<float>::infinity()) : rounded;
    }

    std::size_t by_search(float x) const {
        return static_cast<std::size_t>(std::lower_bound(thresholds_.begin(), thresholds_.end(), x) -
                                        thresholds_.begin());
    }

    std::size_t by_table(float x) const {
        std::size_t rank = first_rank_[static_cast<std::size_t>(cells_(x))];
        for (int step = 0; step < steps_; ++step) rank += x > thresholds_[rank];
        return rank;
    }

    void build_table() {
        const std::size_t n = thresholds_.size();
        if (n == 0) return;
        const float centre = thresholds_[n / 2];
        // Cells about a quarter of the gap between thresholds where most of them are.
        const float gap = (thresholds_[n - 1 - n / 8] - thresholds_[n / 8]) / static_cast<float>(n);
        const float largest = std::max(centre - thresholds_.front(), thresholds_.back() - centre);
        if (!is_finite(2 * largest)) return;
        const int mantissa_bits = std::clamp(static_cast<int>(std::bit_width(n)) + 1, 6, 11);
        cells_ = value_cells(centre, gap * static_cast<float>(1 << mantissa_bits) / 4, largest, mantissa_bits);
        first_rank_.assign(static_cast<std::size_t>(cells_.count()), 0);
        std::vector<std::uint16_t> inside(first_rank_.size());
        for (const float threshold : thresholds_) ++inside[static_cast<std::size_t>(cells_(threshold))];
        const int most = *std::max_element(inside.begin(), inside.end());
        if (most > 8) return;
        std::exclusive_scan(inside.begin(), inside.end(), first_rank_.begin(), std::uint16_t{0});
        thresholds_.insert(thresholds_.end(), static_cast<std::size_t>(most), std::numeric_limits<float>::infinity());
        steps_ = most;
    }

    std::vector<std::uint16_t> order_;  // ranks to labels
    std::vector<float> thresholds_;
    std::vector<std::uint16_t> first_rank_;  // per cell: how many thresholds lie in lower cells
    value_cells cells_;
    int steps_ = 0;  // most thresholds in one cell; 0 without a table
    bool ascending_ = true;
};

}  // namespace detail
}  // namespace lowbit
