// SPDX-License-Identifier: Apache-2.0
/// @file
/// Ascending sort of floats by their bits: three passes of 11 bits each, least significant first, O(n) and stable.
///
/// Order: negative numbers, −0, +0, positive numbers; NaNs at the ends, by their sign. The same bits come out of any
/// correct sort, so short runs may take another road. Passes whose 11 bits are equal everywhere are skipped: float16
/// and bfloat16 values, and values of one sign and scale, cost less.
#pragma once

#include <lowbit/core/config.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// The integer whose unsigned order is the order of the floats.
constexpr std::uint32_t order_key(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    return bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}

/// The float of an order key.
constexpr float from_order_key(std::uint32_t key) {
    return std::bit_cast<float>(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}

/// Sorts x[0 … n) ascending. `workspace` holds n floats and does not overlap x; its contents are lost.
/// n < 2^32. Complexity O(n).
inline void radix_sort(float* x, std::ptrdiff_t n, float* workspace) {
    constexpr int passes = 3, bits = 11, buckets = 1 << bits;
    LOWBIT_ASSERT(n <= 0xffffffffll);
    if (n < 1024) {  // the counters alone would cost more
        std::sort(x, x + n, [](float a, float b) { return order_key(a) < order_key(b); });
        return;
    }
    std::uint32_t counts[passes][buckets] = {};
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const std::uint32_t key = order_key(x[i]);
        for (int pass = 0; pass < passes; ++pass) ++counts[pass][key >> (bits * pass) & (buckets - 1)];
    }
    float* from = x;
    float* to = workspace;
    for (int pass = 0; pass < passes; ++pass) {
        std::uint32_t* next = counts[pass];
        const std::uint32_t first_digit = order_key(from[0]) >> (bits * pass) & (buckets - 1);
        if (next[first_digit] == static_cast<std::uint32_t>(n)) continue;
        for (std::uint32_t bucket = 0, start = 0; bucket < buckets; ++bucket) {
            const std::uint32_t count = next[bucket];
            next[bucket] = start;
            start += count;
        }
        for (std::ptrdiff_t i = 0; i < n; ++i)
            to[next[order_key(from[i]) >> (bits * pass) & (buckets - 1)]++] = from[i];
        std::swap(from, to);
    }
    if (from != x) std::copy(from, from + n, x);
}

}  // namespace lowbit
