// SPDX-License-Identifier: Apache-2.0
/// @file
/// Streaming mean, variance and mean magnitude from exact sums.
///
/// A float is m·2^e with an integer m below 2^24. Keeping one integer sum of m and one of m² for each exponent rounds
/// nothing, so any split of the data and any order of merging gives the same bits.
#pragma once

#include <lowbit/calibrate/range.hpp>
#include <lowbit/core/source.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Sees values batch by batch, up to 2^39 of them. 8 KB.
class moments_observer {
public:
    /// Errors: an empty batch; NaN or infinity, with its index.
    template <class X>
    void observe(const X& batch) {
        const auto values = read_float(batch);
        const range seen = finite_range(values.view().span(), "moments_observer");
        extremes_ = empty() ? seen : merged(extremes_, seen);
        for (const float x : values.view()) {
            const auto bits = std::bit_cast<std::uint32_t>(x);
            const std::uint32_t biased = bits >> 23 & 0xff;
            const std::int64_t mantissa = (bits & 0x7fffff) | (biased != 0 ? 0x800000 : 0);
            sums& s = sums_[biased];
            s.magnitude += mantissa;
            s.value += bits >> 31 != 0 ? -mantissa : mantissa;
            s.square += static_cast<std::uint64_t>(mantissa * mantissa);
        }
        count_ += values.size();
    }

    void merge(const moments_observer& other) {
        if (other.empty()) return;
        extremes_ = empty() ? other.extremes_ : merged(extremes_, other.extremes_);
        for (std::size_t e = 0; e < sums_.size(); ++e) {
            sums_[e].value += other.sums_[e].value;
            sums_[e].magnitude += other.sums_[e].magnitude;
            sums_[e].square += other.sums_[e].square;
        }
        count_ += other.count_;
    }

    bool empty() const { return count_ == 0; }
    std::ptrdiff_t count() const { return count_; }

    /// Smallest and largest value. Errors: nothing was observed.
    range observed() const {
        check(!empty(), "moments_observer: no batch was observed");
        return extremes_;
    }

    /// Errors (of this and the following): nothing was observed.
    double mean() const { return mean_of(&sums::value, 1); }
    double mean_magnitude() const { return mean_of(&sums::magnitude, 1); }
    double mean_square() const { return mean_of(&sums::square, 2); }
    /// Of the population: E[x²] − E[x]².
    double variance() const { return std::max(0.0, mean_square() - mean() * mean()); }

    bool operator==(const moments_observer&) const = default;

private:
    __extension__ using wide = unsigned __int128;

    /// Σm, Σ|m| and Σm² of the values of one exponent.
    struct sums {
        std::int64_t value = 0, magnitude = 0;
        wide square = 0;
        bool operator==(const sums&) const = default;
    };

    template <class Integer>
    double mean_of(Integer sums::*sum, int power) const {
        check(!empty(), "moments_observer: no batch was observed");
        double total = 0;
        for (std::size_t e = 0; e < sums_.size(); ++e) {
            const int exponent = std::max(static_cast<int>(e), 1) - 150;
            total += std::ldexp(static_cast<double>(sums_[e].*sum), power * exponent);
        }
        return total / static_cast<double>(count_);
    }

    std::array<sums, 255> sums_;
    std::ptrdiff_t count_ = 0;
    range extremes_;
};

}  // namespace lowbit
