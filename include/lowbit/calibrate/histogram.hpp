// SPDX-License-Identifier: Apache-2.0
/// @file
/// Streaming histograms whose range grows, with every count exact.
///
/// Bins have the width 2^e and begin at whole multiples of it, so that the next coarser histogram joins pairs of bins:
/// floor(floor(x/w)/2) = floor(x/(2w)). e is the least for which the extremes seen so far fit; growing moves whole
/// counts, never fractions. So any split of the data into batches, in any order, and any way of merging partial
/// histograms ends with the same counts.
#pragma once

#include <lowbit/calibrate/distribution.hpp>
#include <lowbit/core/source.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

/// Counts in equal bins; bin i holds lowest + i·width ≤ x < lowest + (i+1)·width. Values that are exactly 0 are counted
/// apart: every quantizer stores them exactly, and after a ReLU they would drown the rest.
struct histogram {
    std::vector<std::uint64_t> counts{};
    double lowest = 0, width = 1;
    std::uint64_t zeros = 0;
    range extremes{};  ///< the smallest and largest value

    bool operator==(const histogram&) const = default;

    std::uint64_t total() const {
        std::uint64_t sum = zeros;
        for (const std::uint64_t count : counts) sum += count;
        return sum;
    }

    /// The histogram of |x|, from 0 on. Bins must begin at multiples of their width.
    histogram magnitudes() const {
        histogram folded{.width = width, .zeros = zeros, .extremes = {0, amax(extremes)}};
        const auto first = static_cast<std::ptrdiff_t>(std::nearbyint(lowest / width));
        for (std::ptrdiff_t i = 0; i < std::ssize(counts); ++i) {
            const std::ptrdiff_t bin = first + i;
            const auto at = static_cast<std::size_t>(bin >= 0 ? bin : -1 - bin);
            if (folded.counts.size() <= at) folded.counts.resize(at + 1);
            folded.counts[at] += counts[static_cast<std::size_t>(i)];
        }
        return folded;
    }
};

/// The histogram of |x| in equal bins from 0 to the largest. Complexity O(n).
/// Errors: no values; NaN or infinity, with its index.
inline histogram magnitude_histogram(std::span<const float> values, std::ptrdiff_t bins = 2048) {
    const float largest = amax(finite_range(values, "calibration"));
    histogram h{.extremes = {0, largest}};
    h.counts.resize(static_cast<std::size_t>(bins));
    if (largest > 0) h.width = double{largest} / static_cast<double>(bins);
    for (const float x : values) {
        if (x == 0) {
            ++h.zeros;
        } else {
            const auto bin = static_cast<std::ptrdiff_t>(std::abs(double{x}) / h.width);
            ++h.counts[static_cast<std::size_t>(std::min(bin, bins - 1))];
        }
    }
    return h;
}

/// Sees values batch by batch and counts them in at most `bins` bins.
class histogram_observer {
public:
    /// bins ≥ 4: memory is 8 bytes for each. Values of both signs use at least a quarter of them on the larger side.
    explicit histogram_observer(std::ptrdiff_t bins = 8192) : bins_(bins) {
        check(bins >= 4, "histogram_observer: ", bins, " bins; at least 4 are needed");
    }

    /// Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const auto values = read_float(batch);
        grow_to(finite_range(values.view().span(), "histogram_observer"), lowest_exponent);
        const double inverse_width = std::ldexp(1.0, -exponent_);
        for (const float x : values.view()) {
            if (x == 0) {
                ++zeros_;
            } else {
                ++counts_[static_cast<std::size_t>(bin_of(x, inverse_width) - first_)];
            }
        }
    }

    /// Errors: another number of bins.
    void merge(const histogram_observer& other) {
        check(bins_ == other.bins_, "histogram_observer: merging ", bins_, " and ", other.bins_, " bins");
        if (other.empty()) return;
        grow_to(other.extremes_, other.exponent_);
        const int coarser = exponent_ - other.exponent_;
        for (std::ptrdiff_t i = 0; i < std::ssize(other.counts_); ++i) {
            const std::ptrdiff_t bin = joined(other.first_ + i, coarser);
            counts_[static_cast<std::size_t>(bin - first_)] += other.counts_[static_cast<std::size_t>(i)];
        }
        zeros_ += other.zeros_;
    }

    bool empty() const { return counts_.empty(); }

    /// Smallest and largest value. Errors: nothing was observed.
    range observed() const {
        check(!empty(), "histogram_observer: no batch was observed");
        return extremes_;
    }

    /// What was counted. Errors: nothing was observed.
    histogram counted() const {
        check(!empty(), "histogram_observer: no batch was observed");
        return {counts_, std::ldexp(static_cast<double>(first_), exponent_), std::ldexp(1.0, exponent_), zeros_,
                extremes_};
    }

    bool operator==(const histogram_observer&) const = default;

private:
    static constexpr int lowest_exponent = -149;  ///< the smallest distance of two floats

    static std::ptrdiff_t bin_of(float x, double inverse_width) {
        return static_cast<std::ptrdiff_t>(std::floor(double{x} * inverse_width));
    }

    /// The bin that holds this one when bins are 2^coarser times as wide.
    static std::ptrdiff_t joined(std::ptrdiff_t bin, int coarser) { return bin >> std::min(coarser, 63); }

    /// The range includes all of `seen`, the width is at least 2^exponent, the bins at most bins_.
    void grow_to(const range& seen, int exponent) {
        extremes_ = empty() ? seen : merged(extremes_, seen);
        int wanted = empty() ? exponent : std::max(exponent_, exponent);
        const auto bin_at = [](float x, int e) { return bin_of(x, std::ldexp(1.0, -e)); };
        // Start where the wider side alone fits, then one or two steps at most.
        if (amax(extremes_) > 0) {
            wanted = std::max(wanted, floor_log2(amax(extremes_)) - floor_log2(static_cast<float>(bins_)));
        }
        while (bin_at(extremes_.max, wanted) - bin_at(extremes_.min, wanted) + 1 > bins_) ++wanted;
        const std::ptrdiff_t first = bin_at(extremes_.min, wanted), last = bin_at(extremes_.max, wanted);
        std::vector<std::uint64_t> grown(static_cast<std::size_t>(last - first + 1));
        const int coarser = wanted - exponent_;
        for (std::ptrdiff_t i = 0; i < std::ssize(counts_); ++i) {
            const std::ptrdiff_t bin = joined(first_ + i, coarser);
            grown[static_cast<std::size_t>(bin - first)] += counts_[static_cast<std::size_t>(i)];
        }
        counts_ = std::move(grown);
        first_ = first;
        exponent_ = wanted;
    }

    std::ptrdiff_t bins_;
    std::vector<std::uint64_t> counts_;  ///< bin first_ + i, of width 2^exponent_
    std::ptrdiff_t first_ = 0;
    int exponent_ = lowest_exponent;
    std::uint64_t zeros_ = 0;
    range extremes_;
};

/// A histogram as a distribution: within a bin, values are taken as evenly spread. Answers in O(1).
class binned_values {
public:
    /// Complexity O(bins).
    explicit binned_values(const histogram& h)
        : lowest_(h.lowest),
          width_(h.width),
          zeros_(static_cast<double>(h.zeros)),
          extremes_(h.extremes),
          tails_(h.counts.size() + 1) {
        check(h.total() > 0, "binned_values: the histogram is empty");
        for (std::size_t i = h.counts.size(); i-- > 0;) {
            const auto count = static_cast<double>(h.counts[i]);
            const double middle = lowest_ + (static_cast<double>(i) + 0.5) * width_;
            tails_[i] = {tails_[i + 1].count + count, tails_[i + 1].sum + count * middle};
            square_sum_ += count * (middle * middle + width_ * width_ / 12);
        }
    }

    tail above(double x) const {
        const double zeros = x <= 0 ? zeros_ : 0;
        const double position = (x - lowest_) / width_, bins = static_cast<double>(tails_.size() - 1);
        if (position <= 0) return {tails_[0].count + zeros, tails_[0].sum};
        if (position >= bins) return {zeros, 0};
        const auto bin = static_cast<std::size_t>(position);
        const double part = static_cast<double>(bin + 1) - position;  // of the bin that is above x
        const double count = (tails_[bin].count - tails_[bin + 1].count) * part;
        const double middle = lowest_ + (static_cast<double>(bin + 1) - part / 2) * width_;
        return {tails_[bin + 1].count + count + zeros, tails_[bin + 1].sum + count * middle};
    }

    float quantile(double fraction) const {
        double low = extremes_.min, high = extremes_.max;
        const double allowed = (1 - fraction) * (tails_[0].count + zeros_);
        for (int step = 0; step < 60; ++step) {
            const double middle = (low + high) / 2;
            (above(middle).count > allowed ? low : high) = middle;
        }
        return static_cast<float>(high);
    }

    double square_sum() const { return square_sum_; }
    range extremes() const { return extremes_; }

private:
    double lowest_, width_, zeros_;
    range extremes_;
    std::vector<tail> tails_;  ///< of all values but 0 from the bin's first on
    double square_sum_ = 0;
};

}  // namespace lowbit
