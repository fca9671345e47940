// SPDX-License-Identifier: Apache-2.0
/// @file
/// Ascending sort of floats by their bits, O(n) and stable: a pass for each digit of the bits, least significant first;
/// many values are first split into ranges, which leaves few digits to each.
///
/// Order: negative numbers, −0, +0, positive numbers; NaNs at the ends, by their sign. Passes whose digit is the same
/// everywhere are skipped: float16 and bfloat16 values, and values of one sign and scale, cost less.
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

namespace lowbit {

/// The integer whose unsigned order is the order of the floats.
constexpr std::uint32_t order_key(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    return bits ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31) | 0x80000000u);
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

/// f(first) … f(last − 1), sixteen calls a round. For loops that only count: processors guess that an instruction reads
/// what it wrote the last time, and wait for it, whatever the addresses are (13 cycles on Zen 5). Sixteen instructions
/// side by side do not wait for each other.
template <class Function>
void by_sixteen(std::ptrdiff_t first, std::ptrdiff_t last, Function f) {
    for (; first + 16 <= last; first += 16) {
#pragma GCC unroll 16
        for (std::ptrdiff_t i = 0; i < 16; ++i) f(first + i);
    }
    for (; first < last; ++first) f(first);
}

/// Sorts source[0 … n) into items by key(item) < 2^(Passes·digit_bits); the workspace holds n items. The source may be
/// the items or the workspace.
template <int Passes, class Item, class Key>
void radix_passes(const Item* source, std::ptrdiff_t n, Item* items, Item* workspace, int digit_bits, Key key) {
    const std::uint32_t buckets = 1u << digit_bits, mask = buckets - 1;
    std::uint32_t places[Passes][2048];
    for (auto& counts : places) std::fill_n(counts, buckets, 0u);
    by_sixteen(0, n, [=, &places](std::ptrdiff_t i) {
        const std::uint32_t k = key(source[i]);
        for (int p = 0; p < Passes; ++p) ++places[p][k >> (digit_bits * p) & mask];
    });
    // A digit that is the same everywhere needs no pass.
    bool needed[Passes];
    for (int p = 0; p < Passes; ++p)
        needed[p] = places[p][key(source[0]) >> (digit_bits * p) & mask] != static_cast<std::uint32_t>(n);
    // Passes go to and fro, and the last one had better end in the items.
    const bool odd = std::count(needed, needed + Passes, true) % 2 == 1;
    const bool items_first = source == workspace || (source != items && odd);
    Item *to = items_first ? items : workspace, *other = items_first ? workspace : items;
    for (int p = 0; p < Passes; ++p) {
        if (!needed[p]) continue;
        std::exclusive_scan(places[p], places[p] + buckets, places[p], 0u);
        by_sixteen(0, n, [=, next = places[p], shift = digit_bits * p](std::ptrdiff_t i) {
            const Item item = source[i];
            to[next[key(item) >> shift & mask]++] = item;
        });
        source = to;
        std::swap(to, other);
    }
    if (source != items) std::copy(source, source + n, items);
}

/// Sorts source[0 … n) into items by key(item) < 2^bits; as above.
template <class Item, class Key>
void radix_sort_by(const Item* source, std::ptrdiff_t n, Item* items, Item* workspace, int bits, Key key) {
    if (n < 64) {  // the counters alone would cost more; stable, as the passes are
        if (source != items) std::copy(source, source + n, items);
        const auto before = [&](std::uint32_t k, const Item& item) { return k < key(item); };
        for (Item* at = items; at != items + n; ++at)
            std::rotate(std::upper_bound(items, at, key(*at), before), at, at + 1);
    } else if (n >= 1024 && bits <= 11) {
        radix_passes<1>(source, n, items, workspace, bits, key);
    } else if (n >= 1024 && bits <= 22) {
        radix_passes<2>(source, n, items, workspace, (bits + 1) / 2, key);
    } else {
        radix_passes<4>(source, n, items, workspace, 8, key);
    }
}

/// A monotone map from keys to cells 0 … cells − 1: equally wide ones where a sample has keys, and what is below or
/// above of them goes to the first or the last.
class key_cells {
public:
    static constexpr std::uint32_t cells = 1 << 12;

    template <class Item, class KeyOf>
    key_cells(const Item* items, std::ptrdiff_t n, KeyOf key_of) {
        std::uint32_t high = 0;
        for (std::ptrdiff_t i = 0; i < n; i += ceil_div<std::ptrdiff_t>(n, 1024)) {
            low_ = std::min(low_, key_of(items[i]));
            high = std::max(high, key_of(items[i]));
        }
        shift_ = std::max(0, static_cast<int>(std::bit_width(high - low_) - std::bit_width(cells - 1)));
    }

    std::uint32_t operator()(std::uint32_t key) const {
        return std::min((std::max(key, low_) - low_) >> shift_, cells - 1);
    }
    /// The least key of a cell; past the last one 2^32, which is 0.
    std::uint32_t least(std::uint32_t cell) const { return cell == 0 || cell == cells ? 0 : low_ + (cell << shift_); }

private:
    std::uint32_t low_ = 0xffffffffu;
    int shift_ = 0;
};

/// Sorts source[0 … n) into items by key_of(item), an order_key; the source may be the items. Many items are first
/// split by value into parts that fit a cache, and threads sort these side by side.
template <class Item, class KeyOf>
void radix_sort_by(const Item* source, std::ptrdiff_t n, Item* items, Item* workspace, KeyOf key_of,
                   const executor& exec) {
    LOWBIT_ASSERT(n <= 0xffffffffll);
    constexpr int most_slices = 4, most_parts = 512;
    const std::ptrdiff_t slices = std::min(exec.concurrency(), most_slices);
    if (n < (slices > 1 ? 1 << 16 : 1 << 19)) return radix_sort_by(source, n, items, workspace, 32, key_of);
    const auto for_slices = [&](auto f) {
        exec.parallel_for(slices, [&](std::ptrdiff_t s) { f(s, s * n / slices, (s + 1) * n / slices); });
    };
    const key_cells cell_of(source, n, key_of);
    std::uint32_t counts[most_slices][key_cells::cells];
    for_slices([&](std::ptrdiff_t s, std::ptrdiff_t first, std::ptrdiff_t last) {
        std::fill_n(counts[s], key_cells::cells, 0u);
        by_sixteen(first, last, [=, mine = counts[s]](std::ptrdiff_t i) { ++mine[cell_of(key_of(source[i]))]; });
    });
    // A part is one cell, or neighbours that have few items together.
    const auto few = static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(n / 250, 16384));
    std::uint16_t part_of[key_cells::cells];
    std::uint32_t first_cell[most_parts + 1], first_item[most_parts + 1], next[most_slices][most_parts];
    int parts = 0;
    std::uint32_t size = 0;
    for (std::uint32_t c = 0; c < key_cells::cells; ++c) {
        std::uint32_t count = 0;
        for (std::ptrdiff_t s = 0; s < slices; ++s) count += counts[s][c];
        if (c == 0 || size + count > few) {
            for (std::ptrdiff_t s = 0; s < slices; ++s) next[s][parts] = 0;
            first_cell[parts++] = c;
            size = 0;
        }
        size += count;
        part_of[c] = static_cast<std::uint16_t>(parts - 1);
        for (std::ptrdiff_t s = 0; s < slices; ++s) next[s][parts - 1] += counts[s][c];
    }
    std::uint32_t at = 0, most = 0;
    for (int p = 0; p < parts; ++p) {
        first_item[p] = at;
        for (std::ptrdiff_t s = 0; s < slices; ++s) at += std::exchange(next[s][p], at);
        most = std::max(most, at - first_item[p]);
    }
    first_item[parts] = at;
    first_cell[parts] = key_cells::cells;

    Item* const split = source == items ? workspace : items;
    for_slices([&](std::ptrdiff_t s, std::ptrdiff_t first, std::ptrdiff_t last) {
        by_sixteen(first, last, [=, &part_of, to = next[s]](std::ptrdiff_t i) {
            const Item item = source[i];
            split[to[part_of[cell_of(key_of(item))]]++] = item;
        });
    });
    // Where parts are small, a thread's share of the workspace serves all of its parts, and stays in its cache.
    const bool shared = split == items && most <= n / slices;
    std::atomic<int> next_part{0};
    for_slices([&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t) {
        for (int p = next_part++; p < parts; p = next_part++) {
            const std::uint32_t begin = first_item[p], least = cell_of.least(first_cell[p]);
            const std::uint32_t width = cell_of.least(first_cell[p + 1]) - least;  // 0: all keys
            radix_sort_by(split + begin, first_item[p + 1] - begin, items + begin, workspace + (shared ? first : begin),
                          static_cast<int>(std::bit_width(width - 1)),
                          [=](const Item& item) { return key_of(item) - least; });
        }
    });
}

}  // namespace detail

/// Sorts x[0 … n) ascending. `workspace` holds n floats and does not overlap x; its contents are lost.
/// n < 2^32. Complexity O(n).
inline void radix_sort(float* x, std::ptrdiff_t n, float* workspace, const executor& exec = {}) {
    detail::radix_sort_by(
        x, n, x, workspace, [](float item) { return order_key(item); }, exec);
}

/// The same into another place: x is kept, `sorted` holds n floats.
inline void radix_sort(const float* x, std::ptrdiff_t n, float* sorted, float* workspace, const executor& exec = {}) {
    detail::radix_sort_by(
        x, n, sorted, workspace, [](float item) { return order_key(item); }, exec);
}

/// Sorts by value. Else as above.
inline void radix_sort(weighted_value* x, std::ptrdiff_t n, weighted_value* workspace, const executor& exec = {}) {
    detail::radix_sort_by(
        x, n, x, workspace, [](const weighted_value& item) { return order_key(item.value); }, exec);
}

}  // namespace lowbit
