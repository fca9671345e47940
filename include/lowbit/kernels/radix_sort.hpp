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

/// A value and what it carries along.
struct weighted_value {
    float value;
    float weight;
};

namespace detail {

/// Sorts items[0 … n) by key_of(item), an order_key; the workspace holds n items.
template <class Item, class KeyOf>
void radix_sort_by(Item* items, std::ptrdiff_t n, Item* workspace, KeyOf key_of) {
    constexpr int passes = 3, bits = 11, buckets = 1 << bits;
    LOWBIT_ASSERT(n <= 0xffffffffll);
    if (n < 1024) {  // the counters alone would cost more
        std::sort(items, items + n, [&](const Item& a, const Item& b) { return key_of(a) < key_of(b); });
        return;
    }
    std::uint32_t counts[passes][buckets] = {};
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const std::uint32_t key = key_of(items[i]);
        for (int pass = 0; pass < passes; ++pass) ++counts[pass][key >> (bits * pass) & (buckets - 1)];
    }
    Item* from = items;
    Item* to = workspace;
    for (int pass = 0; pass < passes; ++pass) {
        std::uint32_t* next = counts[pass];
        const std::uint32_t first_digit = key_of(from[0]) >> (bits * pass) & (buckets - 1);
        if (next[first_digit] == static_cast<std::uint32_t>(n)) continue;
        for (std::uint32_t bucket = 0, start = 0; bucket < buckets; ++bucket) {
            const std::uint32_t count = next[bucket];
            next[bucket] = start;
            start += count;
        }
        for (std::ptrdiff_t i = 0; i < n; ++i) to[next[key_of(from[i]) >> (bits * pass) & (buckets - 1)]++] = from[i];
        std::swap(from, to);
    }
    if (from != items) std::copy(from, from + n, items);
}

}  // namespace detail

/// Sorts x[0 … n) ascending. `workspace` holds n floats and does not overlap x; its contents are lost.
/// n < 2^32. Complexity O(n).
inline void radix_sort(float* x, std::ptrdiff_t n, float* workspace) {
    detail::radix_sort_by(x, n, workspace, [](float item) { return order_key(item); });
}

/// Sorts by value. Else as above.
inline void radix_sort(weighted_value* x, std::ptrdiff_t n, weighted_value* workspace) {
    detail::radix_sort_by(x, n, workspace, [](const weighted_value& item) { return order_key(item.value); });
}

}  // namespace lowbit
