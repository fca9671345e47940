// SPDX-License-Identifier: Apache-2.0
/// @file
/// Streaming percentiles that no outlier can spoil: values are counted by the upper 16 bits of their float, so bins are
/// 1/128 of their value wide wherever they lie, and counts are exact under any split and merge.
#pragma once

#include <lowbit/calibrate/range.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/kernels/radix_sort.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lowbit {

/// Sees values batch by batch; any percentile afterwards. At most 512 KB, usually a tenth of it: only the exponents
/// that occur have counters.
class percentile_observer {
public:
    /// Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const auto values = read_float(batch);
        const range seen = finite_range(values.view().span(), "percentile_observer");
        extremes_ = empty() ? seen : merged(extremes_, seen);
        for (const float x : values.view()) {
            const std::uint32_t bin = order_key(x == 0 ? 0 : x) >> 16;
            auto& page = pages_[bin / page_size];
            if (page.empty()) page.resize(page_size);
            ++page[bin % page_size];
        }
        count_ += static_cast<std::uint64_t>(values.size());
    }

    void merge(const percentile_observer& other) {
        if (other.empty()) return;
        extremes_ = empty() ? other.extremes_ : merged(extremes_, other.extremes_);
        for (std::size_t p = 0; p < pages_.size(); ++p) {
            if (other.pages_[p].empty()) continue;
            if (pages_[p].empty()) pages_[p].resize(page_size);
            for (std::size_t i = 0; i < page_size; ++i) pages_[p][i] += other.pages_[p][i];
        }
        count_ += other.count_;
    }

    bool empty() const { return count_ == 0; }

    /// The smallest value with at least this fraction of all values at or below it, to 1/128 of itself; 0 and 1 give
    /// the extremes exactly. Errors: nothing was observed; a fraction outside [0, 1].
    float quantile(double fraction) const {
        check(!empty(), "percentile_observer: no batch was observed");
        check(fraction >= 0 && fraction <= 1, "percentile_observer: the fraction ", fraction, " is not in [0, 1]");
        if (fraction == 0 || fraction == 1) return fraction == 0 ? extremes_.min : extremes_.max;
        const double rank = std::ceil(fraction * static_cast<double>(count_));
        double below = 0;
        for (std::size_t p = 0; p < pages_.size(); ++p) {
            for (std::size_t i = 0; i < pages_[p].size(); ++i) {
                const auto inside = static_cast<double>(pages_[p][i]);
                if (below + inside >= rank) {
                    const auto bin = static_cast<std::uint32_t>(p * page_size + i);
                    return interpolate(bin, (rank - below - 0.5) / inside);
                }
                below += inside;
            }
        }
        return extremes_.max;
    }

    /// What is left when the same share is cut off each end: [quantile((100 − p)/100), quantile(p/100)].
    range observed(double percentile = 99.99) const {
        return {quantile((100 - percentile) / 100), quantile(percentile / 100)};
    }

    bool operator==(const percentile_observer&) const = default;

private:
    static constexpr std::size_t page_size = 128;

    /// A bin's values taken as evenly spread.
    float interpolate(std::uint32_t bin, double part) const {
        const double low = std::clamp(from_order_key(bin << 16), extremes_.min, extremes_.max);
        const double high = std::clamp(from_order_key(bin << 16 | 0xffff), extremes_.min, extremes_.max);
        return static_cast<float>(low + part * (high - low));
    }

    std::array<std::vector<std::uint64_t>, 65536 / page_size> pages_;  ///< one for each sign and exponent
    std::uint64_t count_ = 0;
    range extremes_;
};

}  // namespace lowbit
