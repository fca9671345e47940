// SPDX-License-Identifier: Apache-2.0
/// @file
/// Ascending sort of floats by their bits: three passes of 11 bits each, least significant first, O(n) and stable.
///
/// Order: negative numbers, −0, +0, positive numbers; NaNs at the ends, by their sign. The same bits come out of any
/// correct sort, so short runs may take another road. Passes whose 11 bits are equal everywhere are skipped: float16
/// and bfloat16 values, and values of one sign and scale, cost less.
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>

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

/// Sorts source[0 … n) into items by key_of(item), an order_key; the workspace holds n items. The source may be the
/// items themselves. Each pass counts and moves slices
/// side by side, one a thread: stable, so that the order does not depend on how many there are.
template <class Item, class KeyOf>
void radix_sort_by(const Item* source, std::ptrdiff_t n, Item* items, Item* workspace, const executor& exec,
                   KeyOf key_of) {
    constexpr int passes = 3, bits = 11, buckets = 1 << bits, most_slices = 8;
    LOWBIT_ASSERT(n <= 0xffffffffll);
    if (n < 1024) {  // the counters alone would cost more
        if (source != items) std::copy(source, source + n, items);
        std::sort(items, items + n, [&](const Item& a, const Item& b) { return key_of(a) < key_of(b); });
        return;
    }
    const std::ptrdiff_t slices = n < 65536 ? 1 : std::clamp(exec.concurrency(), 1, most_slices);
    const std::ptrdiff_t length = ceil_div(n, slices);
    // After the first pass slices hold other values, so that counts of all passes at once serve one slice only.
    std::uint32_t counts[passes][buckets], next[most_slices][buckets];
    std::fill_n(&counts[0][0], passes * buckets, 0u);
    const Item* from = source;
    for (int pass = 0; pass < passes; ++pass) {
        const auto digit = [&](const Item& item) { return key_of(item) >> (bits * pass) & (buckets - 1); };
        if (slices == 1 && pass == 0) {
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                const std::uint32_t key = key_of(from[i]);
                for (int p = 0; p < passes; ++p) ++counts[p][key >> (bits * p) & (buckets - 1)];
            }
        }
        if (slices == 1) {
            std::copy_n(counts[pass], buckets, next[0]);
        } else {
            exec.parallel_for(slices, [&](std::ptrdiff_t s) {
                std::fill_n(next[s], buckets, 0u);
                const std::ptrdiff_t end = std::min(n, (s + 1) * length);
                for (std::ptrdiff_t i = s * length; i < end; ++i) ++next[s][digit(from[i])];
            });
        }
        const std::uint32_t first_digit = digit(from[0]);
        std::uint32_t start = 0, alike = 0;
        for (std::ptrdiff_t s = 0; s < slices; ++s) alike += next[s][first_digit];
        if (alike == static_cast<std::uint32_t>(n)) continue;
        for (int bucket = 0; bucket < buckets; ++bucket) {
            for (std::ptrdiff_t s = 0; s < slices; ++s) {
                const std::uint32_t count = next[s][bucket];
                next[s][bucket] = start;
                start += count;
            }
        }
        Item* const to = from == items ? workspace : items;
        exec.parallel_for(slices, [&](std::ptrdiff_t s) {
            const std::ptrdiff_t end = std::min(n, (s + 1) * length);
            for (std::ptrdiff_t i = s * length; i < end; ++i) to[next[s][digit(from[i])]++] = from[i];
        });
        from = to;
    }
    if (from != items) std::copy(from, from + n, items);
}

}  // namespace detail

/// Sorts x[0 … n) ascending. `workspace` holds n floats and does not overlap x; its contents are lost.
/// n < 2^32. Complexity O(n).
inline void radix_sort(float* x, std::ptrdiff_t n, float* workspace, const executor& exec = {}) {
    detail::radix_sort_by(x, n, x, workspace, exec, [](float item) { return order_key(item); });
}

/// The same into another place: x is kept, `sorted` holds n floats.
inline void radix_sort(const float* x, std::ptrdiff_t n, float* sorted, float* workspace, const executor& exec = {}) {
    detail::radix_sort_by(x, n, sorted, workspace, exec, [](float item) { return order_key(item); });
}

/// Sorts by value. Else as above.
inline void radix_sort(weighted_value* x, std::ptrdiff_t n, weighted_value* workspace, const executor& exec = {}) {
    detail::radix_sort_by(x, n, x, workspace, exec, [](const weighted_value& item) { return order_key(item.value); });
}

}  // namespace lowbit
