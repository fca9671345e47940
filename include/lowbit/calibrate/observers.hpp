// SPDX-License-Identifier: Apache-2.0
/// @file
/// Observers see activations batch by batch, in constant memory, and yield the range that quantization should cover.
///
/// Each has `observe(x)` for anything `read_float` takes, `merge(other)` for what another observer of the same kind saw
/// of later batches, and `observed()`. However the data is cut into batches and merged, min/max and per-channel min/max
/// end with the same bits; so do the histograms of calibrate/histogram.hpp. The moving average weighs whole batches, so
/// for it the batches are part of the data: any split of the sequence of batches merges to the same average (up to the
/// last bits of a float).
#pragma once

#include <lowbit/calibrate/range.hpp>
#include <lowbit/core/source.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// The smallest and largest value ever seen.
class min_max_observer {
public:
    /// Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const range seen = finite_range(read_float(batch).view().span(), "min_max_observer");
        observed_ = empty_ ? seen : merged(observed_, seen);
        empty_ = false;
    }

    void merge(const min_max_observer& other) {
        if (other.empty_) return;
        observed_ = empty_ ? other.observed_ : merged(observed_, other.observed_);
        empty_ = false;
    }

    bool empty() const { return empty_; }

    /// Errors: nothing was observed.
    range observed() const {
        check(!empty_, "min_max_observer: no batch was observed");
        return observed_;
    }

    bool operator==(const min_max_observer&) const = default;

private:
    range observed_;
    bool empty_ = true;
};

/// Exponential moving average of each batch's minimum and maximum: m ← m + c·(x − m), the first batch initialises.
/// Outliers of single batches fade; on growing ranges it lags (Jacob et al. 2018, section 3.1).
class ema_observer {
public:
    /// rate: c in (0, 1], the weight of the newest batch. Errors: a rate outside.
    explicit ema_observer(float rate = 0.01f) : rate_(rate) {
        check(rate > 0 && rate <= 1, "ema_observer: the rate ", rate, " is not in (0, 1]");
    }

    /// Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const range seen = finite_range(read_float(batch).view().span(), "ema_observer");
        if (count_ == 0) first_ = average_ = seen;
        if (count_ > 0) average_ = {step(average_.min, seen.min), step(average_.max, seen.max)};
        ++count_;
    }

    /// `other` saw the batches that follow: its average moves by what its first batch would have remembered of ours,
    /// (1−c)^n·(ours − its first) after its n batches. Errors: another rate.
    void merge(const ema_observer& other) {
        check(rate_ == other.rate_, "ema_observer: merging the rates ", rate_, " and ", other.rate_);
        if (other.count_ == 0) return;
        if (count_ == 0) {
            *this = other;
            return;
        }
        const double memory = std::pow(1.0 - double{rate_}, static_cast<double>(other.count_));
        const auto joined = [&](float ours, float theirs, float their_first) {
            return static_cast<float>(theirs + memory * (double{ours} - double{their_first}));
        };
        average_ = {joined(average_.min, other.average_.min, other.first_.min),
                    joined(average_.max, other.average_.max, other.first_.max)};
        count_ += other.count_;
    }

    bool empty() const { return count_ == 0; }

    /// The averaged range. Errors: nothing was observed.
    range observed() const {
        check(count_ > 0, "ema_observer: no batch was observed");
        return average_;
    }

    bool operator==(const ema_observer&) const = default;

private:
    /// Product and sum each rounded to float once: the product is exact in double.
    float step(float average, float seen) const {
        const auto change = static_cast<float>(double{rate_} * double{seen - average});
        return average + change;
    }

    float rate_;
    range average_, first_;
    std::ptrdiff_t count_ = 0;
};

/// The smallest and largest value of each channel: one range per index of one axis.
class channel_min_max_observer {
public:
    /// axis: which one has the channels; −1, the last, is the channel of NHWC activations.
    explicit channel_min_max_observer(int axis = -1) : axis_(axis) {}

    /// Errors: an empty batch; no such axis; another number of channels than before; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const auto values = read_float(batch);
        finite_range(values.view().span(), "channel_min_max_observer");
        const int axis = values.shape().checked_axis(axis_);
        const std::ptrdiff_t channels = values.shape()[axis];
        check(observed_.empty() || static_cast<std::ptrdiff_t>(observed_.size()) == channels,
              "channel_min_max_observer: ", channels, " channels after ", observed_.size());
        const std::ptrdiff_t inner = values.shape().size_between(axis + 1, values.shape().rank());
        if (observed_.empty()) {
            for (std::ptrdiff_t c = 0; c < channels; ++c) observed_.push_back({values[c * inner], values[c * inner]});
        }
        for (std::ptrdiff_t run = 0; run < values.size() / inner; ++run) {
            range& seen = observed_[static_cast<std::size_t>(run % channels)];
            for (std::ptrdiff_t i = run * inner; i < (run + 1) * inner; ++i) {
                seen = merged(seen, {values[i], values[i]});
            }
            seen = without_negative_zero(seen);
        }
    }

    /// Errors: another number of channels.
    void merge(const channel_min_max_observer& other) {
        if (other.empty()) return;
        if (empty()) observed_ = other.observed_;
        check(observed_.size() == other.observed_.size(), "channel_min_max_observer: merging ", observed_.size(),
              " and ", other.observed_.size(), " channels");
        for (std::size_t c = 0; c < observed_.size(); ++c) observed_[c] = merged(observed_[c], other.observed_[c]);
    }

    bool empty() const { return observed_.empty(); }

    /// One range per channel. Errors: nothing was observed.
    std::span<const range> observed() const {
        check(!empty(), "channel_min_max_observer: no batch was observed");
        return observed_;
    }

    bool operator==(const channel_min_max_observer&) const = default;

private:
    int axis_;
    std::vector<range> observed_;
};

}  // namespace lowbit
