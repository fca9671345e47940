// SPDX-License-Identifier: Apache-2.0
/// @file
/// Sixteen 32-bit lanes on AVX2, as pairs of 256-bit registers: the same words as lanes_avx512.hpp, the same bits.
#pragma once

#include <lowbit/core/config.hpp>

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define LOWBIT_LANES_MEMBER __attribute__((LOWBIT_TARGET_AVX2, always_inline))
#define LOWBIT_LANES_FN __attribute__((LOWBIT_TARGET_AVX2, always_inline)) inline

namespace lowbit::detail::lanes_avx2 {

struct f32 {
    __m256 low, high;
};
struct i32 {
    __m256i low, high;
};
using mask = i32;  ///< all bits of a lane
inline constexpr std::ptrdiff_t lane_count = 16;

// Memory ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
LOWBIT_LANES_FN i32 load_pair(const void* p) {
    return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)p + 1)};
}
LOWBIT_LANES_FN i32 load(const std::uint32_t* p) { return load_pair(p); }
LOWBIT_LANES_FN i32 load(const std::int32_t* p) { return load_pair(p); }
LOWBIT_LANES_FN i32 load_bits(const float* p) { return load_pair(p); }
LOWBIT_LANES_FN void store(float* p, f32 x) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
}
LOWBIT_LANES_FN void store_pair(void* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, x.low);
    _mm256_storeu_si256((__m256i*)p + 1, x.high);
}
LOWBIT_LANES_FN void store(std::uint32_t* p, i32 x) { store_pair(p, x); }
LOWBIT_LANES_FN f32 gather(const float* p, i32 offsets) {
    return {_mm256_i32gather_ps(p, offsets.low, 4), _mm256_i32gather_ps(p, offsets.high, 4)};
}
LOWBIT_LANES_FN void stream(float* p, f32 x) {
    _mm256_stream_ps(p, x.low);
    _mm256_stream_ps(p + 8, x.high);
}

LOWBIT_LANES_FN i32 load(const std::int8_t* p) {
    return {_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)),
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8)))};
}
LOWBIT_LANES_FN i32 load(const std::uint8_t* p) {
    return {_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)),
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8)))};
}
LOWBIT_LANES_FN i32 load(const std::int16_t* p) {
    return {_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i*)p)),
            _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i*)(p + 8)))};
}
LOWBIT_LANES_FN i32 load(const std::uint16_t* p) {
    return {_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)),
            _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)(p + 8)))};
}
/// The lanes in order as 16-bit numbers; each must fit in int16 or (packed unsigned) in uint16.
LOWBIT_LANES_FN __m256i pack_signed(i32 x) { return _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xd8); }
LOWBIT_LANES_FN void narrow(std::int8_t* p, i32 x) {
    const __m256i words = pack_signed(x);
    _mm_storeu_si128((__m128i*)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
LOWBIT_LANES_FN void narrow(std::uint8_t* p, i32 x) {
    const __m256i words = pack_signed(x);
    _mm_storeu_si128((__m128i*)p, _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
LOWBIT_LANES_FN void narrow(std::int16_t* p, i32 x) { _mm256_storeu_si256((__m256i*)p, pack_signed(x)); }
LOWBIT_LANES_FN void narrow(std::uint16_t* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm256_permute4x64_epi64(_mm256_packus_epi32(x.low, x.high), 0xd8));
}
LOWBIT_LANES_FN void narrow(std::int32_t* p, i32 x) { store_pair(p, x); }

LOWBIT_LANES_FN i32 pack_words(i32 a, i32 b) {
    return {_mm256_packs_epi32(a.low, a.high), _mm256_packs_epi32(b.low, b.high)};
}
LOWBIT_LANES_FN i32 add_words(i32 a, i32 b) {
    return {_mm256_adds_epi16(a.low, b.low), _mm256_adds_epi16(a.high, b.high)};
}
LOWBIT_LANES_FN bool any_without(i32 a, i32 b, i32 m) {
    const __m256i left = _mm256_min_epu16(_mm256_and_si256(a.low, m.low), _mm256_and_si256(a.high, m.high));
    const __m256i right = _mm256_min_epu16(_mm256_and_si256(b.low, m.low), _mm256_and_si256(b.high, m.high));
    const __m256i none = _mm256_cmpeq_epi16(_mm256_min_epu16(left, right), _mm256_setzero_si256());
    return !_mm256_testz_si256(none, none);
}
LOWBIT_LANES_FN bool any_lowest(i32 a, i32 b) {
    const __m256i least = _mm256_min_epi16(_mm256_min_epi16(a.low, a.high), _mm256_min_epi16(b.low, b.high));
    return _mm256_movemask_epi8(_mm256_cmpeq_epi16(least, _mm256_set1_epi16(INT16_MIN))) != 0;
}
/// The packs work on 128-bit halves: dword 4h + r of their result holds lanes 4h … 4h + 3 of register r.
LOWBIT_LANES_FN __m256i in_order(__m256i halves) {
    return _mm256_permutevar8x32_epi32(halves, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
LOWBIT_LANES_FN i32 in_order(i32 halves) { return {in_order(halves.low), in_order(halves.high)}; }
LOWBIT_LANES_FN i32 pack_halves(i32 a, i32 b, std::int8_t) {
    return {_mm256_packs_epi16(a.low, a.high), _mm256_packs_epi16(b.low, b.high)};
}
LOWBIT_LANES_FN i32 pack_halves(i32 a, i32 b, std::uint8_t) {
    return {_mm256_packus_epi16(a.low, a.high), _mm256_packus_epi16(b.low, b.high)};
}
template <class Code>
LOWBIT_LANES_FN i32 pack_codes(i32 a, i32 b, Code) {
    return in_order(pack_halves(a, b, Code{}));
}
LOWBIT_LANES_FN i32 clamp_codes(i32 x, i32 low, i32 high, std::int8_t) {
    return {_mm256_min_epi8(_mm256_max_epi8(x.low, low.low), high.low),
            _mm256_min_epi8(_mm256_max_epi8(x.high, low.high), high.high)};
}
LOWBIT_LANES_FN i32 clamp_codes(i32 x, i32 low, i32 high, std::uint8_t) {
    return {_mm256_min_epu8(_mm256_max_epu8(x.low, low.low), high.low),
            _mm256_min_epu8(_mm256_max_epu8(x.high, low.high), high.high)};
}
LOWBIT_LANES_FN i32 splat_words(std::int32_t x) {
    return {_mm256_set1_epi16(static_cast<std::int16_t>(x)), _mm256_set1_epi16(static_cast<std::int16_t>(x))};
}
LOWBIT_LANES_FN i32 splat_bytes(std::int32_t x) {
    return {_mm256_set1_epi8(static_cast<std::int8_t>(x)), _mm256_set1_epi8(static_cast<std::int8_t>(x))};
}
LOWBIT_LANES_FN void store_bytes(void* p, i32 x) { store_pair(p, x); }
LOWBIT_LANES_FN void stream_bytes(void* p, i32 x) {
    _mm256_stream_si256((__m256i*)p, x.low);
    _mm256_stream_si256((__m256i*)p + 1, x.high);
}

LOWBIT_LANES_FN i32 subtract_words(i32 a, i32 b) {
    return {_mm256_sub_epi16(a.low, b.low), _mm256_sub_epi16(a.high, b.high)};
}
LOWBIT_LANES_FN i32 min_bytes(i32 a, i32 b) { return {_mm256_min_epu8(a.low, b.low), _mm256_min_epu8(a.high, b.high)}; }
LOWBIT_LANES_FN i32 min_words(i32 a, i32 b) {
    return {_mm256_min_epi16(a.low, b.low), _mm256_min_epi16(a.high, b.high)};
}
LOWBIT_LANES_FN i32 multiply_words(i32 a, i32 b) {
    return {_mm256_mullo_epi16(a.low, b.low), _mm256_mullo_epi16(a.high, b.high)};
}
template <int N>
LOWBIT_LANES_FN i32 shift_right_words(i32 a) {
    return {_mm256_srli_epi16(a.low, N), _mm256_srli_epi16(a.high, N)};
}
LOWBIT_LANES_FN i32 shift_right_words(i32 a, int n) {
    return {_mm256_srl_epi16(a.low, _mm_cvtsi32_si128(n)), _mm256_srl_epi16(a.high, _mm_cvtsi32_si128(n))};
}
LOWBIT_LANES_FN i32 shift_right_words_signed(i32 a, int n) {
    return {_mm256_sra_epi16(a.low, _mm_cvtsi32_si128(n)), _mm256_sra_epi16(a.high, _mm_cvtsi32_si128(n))};
}
LOWBIT_LANES_FN i32 shift_right_quads(i32 a, int n) {
    return {_mm256_srl_epi64(a.low, _mm_cvtsi32_si128(n)), _mm256_srl_epi64(a.high, _mm_cvtsi32_si128(n))};
}
LOWBIT_LANES_FN i32 add_byte_pairs(i32 weights, i32 codes) {
    return {_mm256_maddubs_epi16(weights.low, codes.low), _mm256_maddubs_epi16(weights.high, codes.high)};
}
LOWBIT_LANES_FN i32 add_word_pairs(i32 weights, i32 codes) {
    return {_mm256_madd_epi16(weights.low, codes.low), _mm256_madd_epi16(weights.high, codes.high)};
}
LOWBIT_LANES_FN i32 pack_quarters(i32 a, i32 b, std::int8_t) {
    return {_mm256_packs_epi16(a.low, b.low), _mm256_packs_epi16(a.high, b.high)};
}
LOWBIT_LANES_FN i32 pack_quarters(i32 a, i32 b, std::uint8_t) {
    return {_mm256_packus_epi16(a.low, b.low), _mm256_packus_epi16(a.high, b.high)};
}
LOWBIT_LANES_FN i32 shuffle_bytes(i32 x, i32 order) {
    return {_mm256_shuffle_epi8(x.low, order.low), _mm256_shuffle_epi8(x.high, order.high)};
}
LOWBIT_LANES_FN i32 splat_quarter(const void* p) {
    const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)p));
    return {both, both};
}
// Two loads here, each for the quarters of its register, and units of 32 bits.
using unit = std::uint32_t;
inline constexpr int quarters_of_load = 2;
LOWBIT_LANES_FN i32 load_eights(const std::uint8_t* p, int bytes) {
    return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)(p + 4 * bytes))};
}
LOWBIT_LANES_FN i32 distribute(i32 bytes, i32 indices) {
    return {_mm256_permutevar8x32_epi32(bytes.low, indices.low), _mm256_permutevar8x32_epi32(bytes.high, indices.high)};
}
LOWBIT_LANES_FN void store_quarters(std::uint8_t* p, std::ptrdiff_t step, i32 x) {
    _mm_storeu_si128((__m128i*)p, _mm256_castsi256_si128(x.low));
    _mm_storeu_si128((__m128i*)(p + step), _mm256_extracti128_si256(x.low, 1));
    _mm_storeu_si128((__m128i*)(p + 2 * step), _mm256_castsi256_si128(x.high));
    _mm_storeu_si128((__m128i*)(p + 3 * step), _mm256_extracti128_si256(x.high, 1));
}
LOWBIT_LANES_FN i32 load_bytes(const void* p) { return load_pair(p); }
LOWBIT_LANES_FN __m256i low_bytes(i32 words) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(words.low, words.high), 0xd8);
}
LOWBIT_LANES_FN i32 load_nibbles(const std::uint8_t* p) {
    std::int32_t halves[2];
    __builtin_memcpy(halves, p, 8);
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    return {_mm256_srlv_epi32(_mm256_set1_epi32(halves[0]), shifts),
            _mm256_srlv_epi32(_mm256_set1_epi32(halves[1]), shifts)};
}
LOWBIT_LANES_FN __m256 lookup_half(f32 table, __m256i index) {
    const __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));  // bit 3, as the sign
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(table.low, index), _mm256_permutevar8x32_ps(table.high, index),
                            second);
}
LOWBIT_LANES_FN f32 lookup(f32 table, i32 index) {
    return {lookup_half(table, index.low), lookup_half(table, index.high)};
}
LOWBIT_LANES_FN void store_first_half(void* p, i32 x) { _mm256_storeu_si256((__m256i*)p, x.low); }
LOWBIT_LANES_FN void store_second_half(void* p, i32 x) { _mm256_storeu_si256((__m256i*)p, x.high); }
using pair_mask = i32;
LOWBIT_LANES_FN __m256i pairs_below(__m256i a, __m256i b) {
    return _mm256_cmpeq_epi64(_mm256_cmpgt_epi32(b, a), _mm256_set1_epi32(-1));
}
LOWBIT_LANES_FN pair_mask pairs_below(i32 a, i32 b) { return {pairs_below(a.low, b.low), pairs_below(a.high, b.high)}; }
LOWBIT_LANES_FN std::uint8_t pair_bits(pair_mask m) {
    return static_cast<std::uint8_t>(_mm256_movemask_pd(_mm256_castsi256_pd(m.low)) |
                                     _mm256_movemask_pd(_mm256_castsi256_pd(m.high)) << 4);
}
LOWBIT_LANES_FN f32 select_pairs(pair_mask m, f32 yes, f32 no) {
    return {_mm256_blendv_ps(no.low, yes.low, _mm256_castsi256_ps(m.low)),
            _mm256_blendv_ps(no.high, yes.high, _mm256_castsi256_ps(m.high))};
}
LOWBIT_LANES_FN f32 select_pairs(const std::uint8_t* bits, f32 yes, f32 no) {
    // Each lane's bit, in its upper byte, becomes its sign, which is what decides.
    const __m256i all_bits = _mm256_set1_epi8(static_cast<std::int8_t>(*bits));
    const __m256i low = _mm256_sllv_epi32(all_bits, _mm256_setr_epi32(7, 7, 6, 6, 5, 5, 4, 4));
    const __m256i high = _mm256_sllv_epi32(all_bits, _mm256_setr_epi32(3, 3, 2, 2, 1, 1, 0, 0));
    return {_mm256_blendv_ps(no.low, yes.low, _mm256_castsi256_ps(low)),
            _mm256_blendv_ps(no.high, yes.high, _mm256_castsi256_ps(high))};
}

/// Comparisons give −1 here, and ranks are found negated: nodes are in the order of (−rank) mod 8.
LOWBIT_LANES_FN __m256 negated_order(const float* p, int step) {
    return _mm256_setr_ps(p[0], p[7 * step], p[6 * step], p[5 * step], p[4 * step], p[3 * step], p[2 * step], p[step]);
}

/// What the searches share: three comparisons for the pair of ranks, and one for which of the two.
class pair_search {
public:
    struct place {
        __m256i pair;  ///< negated
        __m256 second;
    };

    LOWBIT_LANES_MEMBER explicit pair_search(const float* thresholds)
        : half_(_mm256_set1_ps(thresholds[7])),
          first_(_mm256_set1_ps(thresholds[3])),
          second_(_mm256_set1_ps(thresholds[11])),
          quarters_(_mm256_setr_ps(thresholds[1], 0, 0, 0, 0, thresholds[13], thresholds[9], thresholds[5])),
          pairs_(negated_order(thresholds, 2)) {}
    LOWBIT_LANES_MEMBER place operator()(__m256 y) const {
        const __m256 half = _mm256_cmp_ps(y, half_, _CMP_GT_OQ);
        const __m256 quarter = _mm256_cmp_ps(y, _mm256_blendv_ps(first_, second_, half), _CMP_GT_OQ);
        const __m256i rank = next(_mm256_castps_si256(half), quarter);
        const __m256i pair = next(rank, _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(quarters_, rank), _CMP_GT_OQ));
        return {pair, _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(pairs_, pair), _CMP_GT_OQ)};
    }
    LOWBIT_LANES_MEMBER static __m256i next(__m256i rank, __m256 above) {
        return _mm256_add_epi32(_mm256_add_epi32(rank, rank), _mm256_castps_si256(above));
    }

private:
    __m256 half_, first_, second_, quarters_, pairs_;
};

class rank_search {
public:
    LOWBIT_LANES_MEMBER explicit rank_search(const float* thresholds) : search_(thresholds) {}
    LOWBIT_LANES_MEMBER i32 operator()(f32 y) const { return {eight(y.low), eight(y.high)}; }

private:
    LOWBIT_LANES_MEMBER __m256i eight(__m256 y) const {
        const auto [pair, second] = search_(y);
        return _mm256_sub_epi32(_mm256_setzero_si256(), pair_search::next(pair, second));
    }

    pair_search search_;
};

class level_search {
public:
    LOWBIT_LANES_MEMBER level_search(const float* thresholds, const float* levels)
        : search_(thresholds), firsts_(negated_order(levels, 2)), seconds_(negated_order(levels + 1, 2)) {}
    LOWBIT_LANES_MEMBER f32 operator()(f32 y) const { return {eight(y.low), eight(y.high)}; }

private:
    LOWBIT_LANES_MEMBER __m256 eight(__m256 y) const {
        const auto [pair, second] = search_(y);
        return _mm256_blendv_ps(_mm256_permutevar8x32_ps(firsts_, pair), _mm256_permutevar8x32_ps(seconds_, pair),
                                second);
    }

    pair_search search_;
    __m256 firsts_, seconds_;
};

/// By bytes: the tables of the sixteen cells from 0 up and of the sixteen below 0, lower and upper bytes.
class cell_lookup {
public:
    LOWBIT_LANES_MEMBER explicit cell_lookup(const std::uint16_t* table)
        : low_(bytes(table, 0)),
          high_(bytes(table, 8)),
          low_below_(bytes(table + 16, 0)),
          high_below_(bytes(table + 16, 8)) {}
    LOWBIT_LANES_MEMBER i32 operator()(i32 words) const {
        const __m256i cell = _mm256_packus_epi16(_mm256_srli_epi16(words.low, 11), _mm256_srli_epi16(words.high, 11));
        // The other half's indices have their top bit set, which gives 0.
        const __m256i above = _mm256_add_epi8(cell, _mm256_set1_epi8(0x70));
        const __m256i below = _mm256_sub_epi8(cell, _mm256_set1_epi8(16));
        const __m256i low = _mm256_or_si256(_mm256_shuffle_epi8(low_, above), _mm256_shuffle_epi8(low_below_, below));
        const __m256i high =
            _mm256_or_si256(_mm256_shuffle_epi8(high_, above), _mm256_shuffle_epi8(high_below_, below));
        return {_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)};
    }

private:
    LOWBIT_LANES_MEMBER static __m256i bytes(const std::uint16_t* words, int shift) {
        const auto of_eight = [shift](const std::uint16_t* p) LOWBIT_LANES_MEMBER {
            const __m128i upper = _mm_srl_epi16(_mm_loadu_si128((const __m128i*)p), _mm_cvtsi32_si128(shift));
            return _mm_and_si128(upper, _mm_set1_epi16(0xff));
        };
        return _mm256_broadcastsi128_si256(_mm_packus_epi16(of_eight(words), of_eight(words + 8)));
    }

    __m256i low_, high_, low_below_, high_below_;
};

using quarters = __m256i;  ///< of 256 bits after the two registers are folded into one
LOWBIT_LANES_FN quarters quarter_maxima(i32 x, i32 y, i32 z, i32 w) {
    const __m256i a = _mm256_max_epi32(x.low, x.high), b = _mm256_max_epi32(y.low, y.high);
    const __m256i c = _mm256_max_epi32(z.low, z.high), d = _mm256_max_epi32(w.low, w.high);
    const __m256i ab = _mm256_max_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    const __m256i cd = _mm256_max_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    return _mm256_max_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}
LOWBIT_LANES_FN i32 fold_quarters(quarters a, quarters b, quarters c, quarters d) {
    return {_mm256_max_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31)),
            _mm256_max_epi32(_mm256_permute2x128_si256(c, d, 0x20), _mm256_permute2x128_si256(c, d, 0x31))};
}

// Floats ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
LOWBIT_LANES_FN f32 multiply(f32 a, f32 b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
LOWBIT_LANES_FN f32 add(f32 a, f32 b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
LOWBIT_LANES_FN f32 subtract(f32 a, f32 b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
LOWBIT_LANES_FN f32 divide(f32 a, f32 b) {
    __asm__("vdivps %2, %1, %0" : "=x"(a.low) : "x"(a.low), "x"(b.low));
    __asm__("vdivps %2, %1, %0" : "=x"(a.high) : "x"(a.high), "x"(b.high));
    return a;
}
LOWBIT_LANES_FN f32 min(f32 a, f32 b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
LOWBIT_LANES_FN f32 max(f32 a, f32 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
LOWBIT_LANES_FN f32 opaque(f32 x) {
    __asm__("" : "+x"(x.low), "+x"(x.high));
    return x;
}
LOWBIT_LANES_FN f32 zero_nan(f32 x) {
    // In assembly: under -ffast-math compilers take it that nothing is NaN.
    __m256 low, high;
    __asm__("vcmpordps %1, %1, %0" : "=x"(low) : "x"(x.low));
    __asm__("vcmpordps %1, %1, %0" : "=x"(high) : "x"(x.high));
    return {_mm256_and_ps(low, x.low), _mm256_and_ps(high, x.high)};
}
LOWBIT_LANES_FN f32 seen_min(f32 x, f32 seen) {
    __asm__("vminps %1, %2, %0" : "=x"(seen.low) : "x"(seen.low), "x"(x.low));
    __asm__("vminps %1, %2, %0" : "=x"(seen.high) : "x"(seen.high), "x"(x.high));
    return seen;
}
LOWBIT_LANES_FN f32 seen_max(f32 x, f32 seen) {
    __asm__("vmaxps %1, %2, %0" : "=x"(seen.low) : "x"(seen.low), "x"(x.low));
    __asm__("vmaxps %1, %2, %0" : "=x"(seen.high) : "x"(seen.high), "x"(x.high));
    return seen;
}
LOWBIT_LANES_FN i32 bits(f32 x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }
LOWBIT_LANES_FN f32 as_float(i32 x) { return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)}; }
LOWBIT_LANES_FN __m256i load_halves(const std::uint8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p));
}
LOWBIT_LANES_FN f32 halves_to_float(__m256i x) {
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(x)), _mm256_cvtph_ps(_mm256_extracti128_si256(x, 1))};
}
LOWBIT_LANES_FN void store_halves(std::uint16_t* p, f32 x) {
    _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i*)(p + 8), _mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT));
}
LOWBIT_LANES_FN f32 through_half(f32 x) {
    return {_mm256_cvtph_ps(_mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT)),
            _mm256_cvtph_ps(_mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT))};
}
LOWBIT_LANES_FN f32 fused(f32 a, f32 b, f32 c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
LOWBIT_LANES_FN f32 minus_product(f32 c, f32 a, f32 b) {
    return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
LOWBIT_LANES_FN i32 round_even(f32 x) { return {_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)}; }
LOWBIT_LANES_FN f32 nearest_integer(f32 x) {
    return {_mm256_round_ps(x.low, _MM_FROUND_TO_NEAREST_INT), _mm256_round_ps(x.high, _MM_FROUND_TO_NEAREST_INT)};
}
LOWBIT_LANES_FN i32 truncate(f32 x) { return {_mm256_cvttps_epi32(x.low), _mm256_cvttps_epi32(x.high)}; }
LOWBIT_LANES_FN f32 to_float(i32 x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }

// Integers --------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN i32 splat(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
LOWBIT_LANES_FN i32 splat_bits(std::uint32_t x) { return splat(static_cast<std::int32_t>(x)); }
LOWBIT_LANES_FN i32 add(i32 a, i32 b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
LOWBIT_LANES_FN i32 subtract(i32 a, i32 b) {
    return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
LOWBIT_LANES_FN i32 bit_and(i32 a, i32 b) { return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)}; }
LOWBIT_LANES_FN i32 bit_or(i32 a, i32 b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
LOWBIT_LANES_FN i32 bit_xor(i32 a, i32 b) { return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)}; }
LOWBIT_LANES_FN i32 min(i32 a, i32 b) { return {_mm256_min_epi32(a.low, b.low), _mm256_min_epi32(a.high, b.high)}; }
LOWBIT_LANES_FN i32 max(i32 a, i32 b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
template <int N>
LOWBIT_LANES_FN i32 shift_left(i32 a) {
    return {_mm256_slli_epi32(a.low, N), _mm256_slli_epi32(a.high, N)};
}
template <int N>
LOWBIT_LANES_FN i32 shift_right(i32 a) {
    return {_mm256_srli_epi32(a.low, N), _mm256_srli_epi32(a.high, N)};
}

LOWBIT_LANES_FN i32 shift_left(i32 a, i32 n) {
    return {_mm256_sllv_epi32(a.low, n.low), _mm256_sllv_epi32(a.high, n.high)};
}
LOWBIT_LANES_FN i32 shift_left(i32 a, int n) {
    return {_mm256_sll_epi32(a.low, _mm_cvtsi32_si128(n)), _mm256_sll_epi32(a.high, _mm_cvtsi32_si128(n))};
}

// Masks -----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN mask greater(i32 a, i32 b) {
    return {_mm256_cmpgt_epi32(a.low, b.low), _mm256_cmpgt_epi32(a.high, b.high)};
}
LOWBIT_LANES_FN mask both(mask a, mask b) { return bit_and(a, b); }
LOWBIT_LANES_FN mask either(mask a, mask b) { return bit_or(a, b); }
LOWBIT_LANES_FN bool any(mask m) {
    const __m256i both = _mm256_or_si256(m.low, m.high);
    return !_mm256_testz_si256(both, both);
}
LOWBIT_LANES_FN mask greater(f32 a, f32 b) {
    return {_mm256_castps_si256(_mm256_cmp_ps(a.low, b.low, _CMP_GT_OQ)),
            _mm256_castps_si256(_mm256_cmp_ps(a.high, b.high, _CMP_GT_OQ))};
}
LOWBIT_LANES_FN mask equal(i32 a, i32 b) {
    return {_mm256_cmpeq_epi32(a.low, b.low), _mm256_cmpeq_epi32(a.high, b.high)};
}
LOWBIT_LANES_FN f32 select(mask m, f32 yes, f32 no) {
    return {_mm256_blendv_ps(no.low, yes.low, _mm256_castsi256_ps(m.low)),
            _mm256_blendv_ps(no.high, yes.high, _mm256_castsi256_ps(m.high))};
}
LOWBIT_LANES_FN i32 select(mask m, i32 yes, i32 no) {
    return {_mm256_blendv_epi8(no.low, yes.low, m.low), _mm256_blendv_epi8(no.high, yes.high, m.high)};
}
}  // namespace lowbit::detail::lanes_avx2

#undef LOWBIT_LANES_FN
#undef LOWBIT_LANES_MEMBER
