// SPDX-License-Identifier: Apache-2.0
/// @file
/// What calibration yields: a closed interval of values that the codes of a scheme shall cover.
///
/// Everything that observes data finds its extremes here, and refuses NaN and infinity here, by index.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowbit {

/// The interval [min, max], both finite.
struct range {
    float min = 0;
    float max = 0;

    bool operator==(const range&) const = default;
};

/// The smallest range that holds both. Complexity O(1).
inline range merged(const range& a, const range& b) { return {std::min(a.min, b.min), std::max(a.max, b.max)}; }

/// The range widened to hold 0, so that a code can mean exactly 0.
inline range with_zero(const range& r) { return merged(r, range{}); }

/// The larger magnitude of the two ends: what a symmetric scheme covers.
inline float amax(const range& r) { return std::max(std::abs(r.min), std::abs(r.max)); }

/// The range with −0 at either end replaced by +0: min and max of the two depend on their order otherwise.
inline range without_negative_zero(const range& r) { return {r.min == 0 ? 0 : r.min, r.max == 0 ? 0 : r.max}; }

/// The smallest and largest of the values; −0 counts as +0, so that the order of the values never shows.
/// `what` names the data in an error. Complexity O(n).
/// Errors: no values; NaN or infinity, with its index.
inline range finite_range(std::span<const float> values, const char* what) {
    check(!values.empty(), what, ": no values to find a range of");
    constexpr std::size_t lanes = 16;  // fixed-length inner loops vectorize at -O2
    float low[lanes], high[lanes];
    std::uint32_t magnitude[lanes] = {};
    std::fill_n(low, lanes, values[0]);
    std::fill_n(high, lanes, values[0]);
    const auto see = [&](std::size_t lane, float x) {
        low[lane] = x < low[lane] ? x : low[lane];
        high[lane] = x > high[lane] ? x : high[lane];
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
        magnitude[lane] = bits > magnitude[lane] ? bits : magnitude[lane];
    };
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) see(lane, values[i + lane]);
    }
    for (; i < values.size(); ++i) see(0, values[i]);

    if (*std::max_element(magnitude, magnitude + lanes) >= 0x7f800000u) [[unlikely]] {
        const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !is_finite(x); });
        fail(what, ": the value at index ", bad - values.begin(), is_nan(*bad) ? " is NaN" : " is infinite",
             "; a range needs finite values");
    }
    return without_negative_zero({*std::min_element(low, low + lanes), *std::max_element(high, high + lanes)});
}

}  // namespace lowbit
