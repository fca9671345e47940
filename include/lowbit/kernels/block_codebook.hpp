// SPDX-License-Identifier: Apache-2.0
/// @file
/// Fixed codebooks on raw memory: 16 levels, one scale for each block. NF4 (Dettmers et al. 2023, "QLoRA", section 3),
/// FP4 of bitsandbytes, the table of IQ4_NL.
///
///     code = the level nearest to x·(1/S);   x̂ = level · S;   the standard S = max|x| of the block / max|level|
///
/// Halfway between two levels the lower one is taken, or, in a table whose second half is the negative of its first,
/// the one nearer to zero. Such a table has a −0, which small negative values become. Where S is below 2^−126 (0
/// included) all codes of the block are those of 0.
///
/// In float32, each operation rounded by itself. This code is normative. Values are finite. n values are consecutive
/// blocks, the last may be shorter; codes are a packed stream (even element in the low nibble).
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/caching.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Levels by code.
using codebook_levels = std::array<float, 16>;

/// Levels with what the encoder needs: code = codes[number of thresholds below y].
struct codebook_table {
    codebook_levels levels{};
    float top = 0;                         ///< max |level|
    std::array<float, 15> thresholds{};    ///< ascending
    std::array<std::uint8_t, 16> codes{};  ///< by rising level

    // The ranks of most y at a glance: w, the integer nearest to y·steps, has the number of a cell in its upper five
    // bits, and a cell has at most one threshold. y's rank is (w − cells[w / 2^11]) / 2^12, both modulo their range;
    // without a remainder, y may be on either side of the threshold. w = −2^15 is without one, too.
    float steps = 0;  ///< 0: the thresholds are too close to each other
    std::array<std::uint16_t, 32> cells{};

    constexpr std::uint8_t nearest(float y) const {
        std::size_t rank = 0;
        for (const float threshold : thresholds) rank += y > threshold;
        return codes[rank];
    }
};

namespace detail {

/// Finds `cells` for so many steps a unit; whether there are. Thresholds are kept from w ± ½, so that roundings of y
/// and of y·steps (some 2^−24 of 2^15 each) change w only where w is that of a threshold.
constexpr bool find_cells(codebook_table& table, float steps) {
    std::array<int, 32> in_cell{};  // a threshold's number, plus 1
    int place[16] = {};
    for (int i = 0; i < 15; ++i) {
        const double exact =
            static_cast<double>(table.thresholds[static_cast<std::size_t>(i)]) * static_cast<double>(steps);
        place[i] = static_cast<int>(exact + 32768.5) - 32768;
        const double off = exact - place[i];
        int& taken = in_cell[static_cast<std::size_t>((place[i] + 32768) / 2048)];
        if (off < -0.47 || off > 0.47 || taken != 0) return false;
        taken = i + 1;
    }
    if (in_cell[0] != 0) return false;  // kept for −2^15
    int rank = 0;
    for (int cell = 0; cell < 32; ++cell) {
        const int taken = in_cell[static_cast<std::size_t>(cell)], start = 2048 * (cell - 16);
        const int subtracted = taken != 0  ? place[taken - 1] - 4096 * taken
                               : cell == 0 ? start
                                           : start - 4096 * rank - 1024;
        table.cells[static_cast<std::size_t>((cell + 16) % 32)] = static_cast<std::uint16_t>(subtracted);
        if (taken != 0) rank = taken;
    }
    table.steps = steps;
    return true;
}

}  // namespace detail

/// The table of finite levels, in any order.
constexpr codebook_table make_codebook_table(const codebook_levels& levels) {
    codebook_table table{.levels = levels};
    bool mirrored = true;
    for (std::size_t i = 0; i < 8; ++i) mirrored = mirrored && levels[i + 8] == -levels[i];
    for (std::size_t i = 0; i < 16; ++i) {
        table.codes[i] = static_cast<std::uint8_t>(i);
        table.top = std::max({table.top, levels[i], -levels[i]});
    }
    const auto negative = [&](std::uint8_t code) { return mirrored && code >= 8; };
    std::sort(table.codes.begin(), table.codes.end(), [&](std::uint8_t a, std::uint8_t b) {
        if (levels[a] != levels[b]) return levels[a] < levels[b];
        return negative(a) != negative(b) ? negative(a) : a < b;  // −0 before 0
    });
    for (std::size_t i = 0; i < 15; ++i) {
        const double low = static_cast<double>(levels[table.codes[i]]),
                     high = static_cast<double>(levels[table.codes[i + 1]]);
        float middle = static_cast<float>((low + high) / 2);
        if (negative(table.codes[i])) {
            // Ties go up here: "y > the next float below the middle" is "y >= the middle". Below 0 and a −0 level, the
            // smallest normal number is near enough.
            middle = middle == 0 ? -0x1p-126f : std::bit_cast<float>(std::bit_cast<std::uint32_t>(middle) + 1);
        }
        table.thresholds[i] = middle;
    }
    if (table.top >= 0x1p-100f) {
        for (float reach = 32000; reach > 31900 && !detail::find_cells(table, reach / table.top);) reach -= 1;
    }
    return table;
}

namespace detail {

/// The table in units of the power of two in its largest magnitude.
inline codebook_search make_codebook_search(const codebook_table& table) {
    const int exponent = floor_log2(table.top);
    codebook_search search{.unit = times_power_of_two(1.0f, exponent), .top = table.top};
    for (std::size_t i = 0; i < 16; ++i) {
        search.levels[i] = times_power_of_two(table.levels[table.codes[i]], -exponent);
        if (i < 15) search.thresholds[i] = times_power_of_two(table.thresholds[i], -exponent);
    }
    return search;
}

}  // namespace detail

namespace detail::scalar {

inline void codebook_best_scales(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, const codebook_search& table,
                                 const float* importance, float* scales) {
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const std::ptrdiff_t count = std::min(block, n - first);
        const float* const weights = importance != nullptr ? importance + first : nullptr;
        *scales++ = lanes_scalar::best_codebook_scale(x + first, weights, count, table);
    }
}

inline void codebook_scales(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, float top, float* scales) {
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        *scales++ = quotient(detail::largest_magnitude(x + first, std::min(block, n - first)), top);
    }
}

inline void quantize_codebook(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, const codebook_table& table,
                              const float* scales, std::uint8_t* codes) {
    code_writer out(codes, 4);
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const float scale = *scales++, magnitude = scale < 0 ? -scale : scale;
        const float inverse = magnitude >= 0x1p-126f ? quotient(1.0f, scale) : 0.0f;
        const std::ptrdiff_t last = std::min(first + block, n);
        for (std::ptrdiff_t i = first; i < last; ++i) out.put(table.nearest(x[i] * inverse));
    }
    out.finish();
}

inline void dequantize_codebook(const std::uint8_t* codes, std::ptrdiff_t n, std::ptrdiff_t block,
                                const codebook_levels& levels, const float* scales, float* x) {
    code_reader in(codes, 4);
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const float scale = *scales++;
        const std::ptrdiff_t last = std::min(first + block, n);
        for (std::ptrdiff_t i = first; i < last; ++i) x[i] = levels[in.next()] * scale;
    }
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_codebook_avx2.inl>
#include <lowbit/kernels/isa/block_codebook_avx512.inl>
#endif

namespace lowbit {

/// Scales of the standard rule. top: max |level|. scales: ⌈n/block⌉ floats. Complexity O(n).
inline void codebook_scales(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, float top, float* scales) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && (block == 32 || block == 64)) {
        const bool wide = includes(active_isa(), isa::avx512);
        const auto run =
            block == 32 ? wide ? detail::lanes_avx512::codebook_scales<32> : detail::lanes_avx2::codebook_scales<32>
            : wide ? detail::lanes_avx512::codebook_scales<64>
                        : detail::lanes_avx2::codebook_scales<64>;
        return run(x, n, top, scales);
    }
#endif
    detail::scalar::codebook_scales(x, n, block, top, scales);
}

/// Scales of least (weighted) squared error, the best of a search around the standard one and around its negative (a
/// table need not be symmetric). importance: n weights or null. Complexity O(n).
inline void codebook_best_scales(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, const codebook_table& table,
                                 const float* importance, float* scales) {
    const detail::codebook_search search = detail::make_codebook_search(table);
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && block <= detail::most_searched) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::codebook_best_scales
                                                             : detail::lanes_avx2::codebook_best_scales;
        return run(x, n, block, search, importance, scales);
    }
#endif
    detail::scalar::codebook_best_scales(x, n, block, search, importance, scales);
}

/// n values to codes, by the scales given. codes: ⌈n/2⌉ bytes. Complexity O(n).
inline void quantize_codebook(const float* x, std::ptrdiff_t n, std::ptrdiff_t block, const codebook_table& table,
                              const float* scales, std::uint8_t* codes, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && block % 16 == 0) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::quantize_codebook
                                                             : detail::lanes_avx2::quantize_codebook;
        return run(x, n, block, table, scales, codes, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::quantize_codebook(x, n, block, table, scales, codes);
}

/// Codes and scales to n values. Complexity O(n).
inline void dequantize_codebook(const std::uint8_t* codes, std::ptrdiff_t n, std::ptrdiff_t block,
                                const codebook_levels& levels, const float* scales, float* x,
                                caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && block % 16 == 0) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::dequantize_codebook
                                                             : detail::lanes_avx2::dequantize_codebook;
        return run(codes, n, block, levels, scales, x, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_codebook(codes, n, block, levels, scales, x);
}

}  // namespace lowbit
