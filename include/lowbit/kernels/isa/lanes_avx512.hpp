// SPDX-License-Identifier: Apache-2.0
/// @file
/// Sixteen 32-bit lanes on AVX-512: the words that the loops in kernels/isa/*_body.inl are written in (lanes_avx2.hpp
/// has the same words on pairs of 256-bit registers, so that every loop is written once).
///
/// The zero-masked form with all lanes on is the plain instruction; g++ 12 warns about the plain form's intrinsic.
/// Arithmetic here is exactly rounded and never contracted: a product that a sum follows goes through `opaque`.
#pragma once

#include <lowbit/core/config.hpp>

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define LOWBIT_LANES_MEMBER __attribute__((LOWBIT_TARGET_AVX512, always_inline))
#define LOWBIT_LANES_FN __attribute__((LOWBIT_TARGET_AVX512, always_inline)) inline

namespace lowbit::detail::lanes_avx512 {

using f32 = __m512;
using i32 = __m512i;
using mask = __mmask16;  ///< one bit a lane

inline constexpr mask all = 0xffff;
inline constexpr std::ptrdiff_t lane_count = 16;

// Memory ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 load(const float* p) { return _mm512_loadu_ps(p); }
LOWBIT_LANES_FN i32 load(const std::uint32_t* p) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN i32 load_bits(const float* p) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN void store(float* p, f32 x) { _mm512_storeu_ps(p, x); }
LOWBIT_LANES_FN void store(std::uint32_t* p, i32 x) { _mm512_storeu_si512(p, x); }
LOWBIT_LANES_FN f32 gather(const float* p, i32 offsets) {
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), all, offsets, p, 4);
}
/// Past the caches; p is 64-byte aligned.
LOWBIT_LANES_FN void stream(float* p, f32 x) { _mm512_stream_ps(p, x); }

// Sixteen codes, widened to and narrowed from lanes. Narrowing keeps the low bits.
LOWBIT_LANES_FN i32 load(const std::int8_t* p) {
    return _mm512_maskz_cvtepi8_epi32(all, _mm_loadu_si128((const __m128i*)p));
}
LOWBIT_LANES_FN i32 load(const std::uint8_t* p) {
    return _mm512_maskz_cvtepu8_epi32(all, _mm_loadu_si128((const __m128i*)p));
}
LOWBIT_LANES_FN i32 load(const std::int16_t* p) {
    return _mm512_maskz_cvtepi16_epi32(all, _mm256_loadu_si256((const __m256i*)p));
}
LOWBIT_LANES_FN i32 load(const std::uint16_t* p) {
    return _mm512_maskz_cvtepu16_epi32(all, _mm256_loadu_si256((const __m256i*)p));
}
LOWBIT_LANES_FN i32 load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN void narrow(std::int8_t* p, i32 x) {
    _mm_storeu_si128((__m128i*)p, _mm512_maskz_cvtepi32_epi8(all, x));
}
LOWBIT_LANES_FN void narrow(std::uint8_t* p, i32 x) {
    _mm_storeu_si128((__m128i*)p, _mm512_maskz_cvtepi32_epi8(all, x));
}
LOWBIT_LANES_FN void narrow(std::int16_t* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtepi32_epi16(all, x));
}
LOWBIT_LANES_FN void narrow(std::uint16_t* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtepi32_epi16(all, x));
}
LOWBIT_LANES_FN void narrow(std::int32_t* p, i32 x) { _mm512_storeu_si512(p, x); }

// 64 codes at once. `pack_words` saturates two vectors of lanes to 16 bits, `pack_codes` two of those to codes, in
// order.
LOWBIT_LANES_FN i32 pack_words(i32 a, i32 b) { return _mm512_packs_epi32(a, b); }
LOWBIT_LANES_FN i32 add_words(i32 a, i32 b) { return _mm512_adds_epi16(a, b); }
/// Whether any word has none of the bits of m.
LOWBIT_LANES_FN bool any_without(i32 a, i32 b, i32 m) {
    return !_kortestz_mask32_u8(_mm512_testn_epi16_mask(a, m), _mm512_testn_epi16_mask(b, m));
}
/// Whether any 16-bit lane is −2^15.
LOWBIT_LANES_FN bool any_lowest(i32 a, i32 b) {
    return _mm512_cmpeq_epi16_mask(_mm512_min_epi16(a, b), _mm512_set1_epi16(INT16_MIN)) != 0;
}
/// The packs work on 128-bit quarters: dword 4q + r of their result holds lanes 4q … 4q + 3 of vector r.
LOWBIT_LANES_FN i32 in_order(i32 quarters) {
    const i32 order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_maskz_permutexvar_epi32(all, order, quarters);
}
LOWBIT_LANES_FN i32 pack_halves(i32 a, i32 b, std::int8_t) { return _mm512_packs_epi16(a, b); }
LOWBIT_LANES_FN i32 pack_halves(i32 a, i32 b, std::uint8_t) { return _mm512_packus_epi16(a, b); }
template <class Code>
LOWBIT_LANES_FN i32 pack_codes(i32 a, i32 b, Code) {
    return in_order(pack_halves(a, b, Code{}));
}
LOWBIT_LANES_FN i32 clamp_codes(i32 x, i32 low, i32 high, std::int8_t) {
    return _mm512_min_epi8(_mm512_max_epi8(x, low), high);
}
LOWBIT_LANES_FN i32 clamp_codes(i32 x, i32 low, i32 high, std::uint8_t) {
    return _mm512_min_epu8(_mm512_max_epu8(x, low), high);
}
LOWBIT_LANES_FN i32 splat_words(std::int32_t x) { return _mm512_set1_epi16(static_cast<std::int16_t>(x)); }
LOWBIT_LANES_FN i32 splat_bytes(std::int32_t x) { return _mm512_set1_epi8(static_cast<std::int8_t>(x)); }
LOWBIT_LANES_FN void store_bytes(void* p, i32 x) { _mm512_storeu_si512(p, x); }
LOWBIT_LANES_FN void stream_bytes(void* p, i32 x) { _mm512_stream_si512((__m512i*)p, x); }

// 32 lanes of 16 bits, 64 of 8; "quarter" is one of the four 128-bit parts of the vector.
LOWBIT_LANES_FN i32 subtract_words(i32 a, i32 b) { return _mm512_sub_epi16(a, b); }
LOWBIT_LANES_FN i32 min_bytes(i32 a, i32 b) { return _mm512_min_epu8(a, b); }
LOWBIT_LANES_FN i32 min_words(i32 a, i32 b) { return _mm512_min_epi16(a, b); }
LOWBIT_LANES_FN i32 multiply_words(i32 a, i32 b) { return _mm512_mullo_epi16(a, b); }
template <int N>
LOWBIT_LANES_FN i32 shift_right_words(i32 a) {
    return _mm512_srli_epi16(a, N);
}
LOWBIT_LANES_FN i32 shift_right_words(i32 a, int n) { return _mm512_srl_epi16(a, _mm_cvtsi32_si128(n)); }
LOWBIT_LANES_FN i32 shift_right_words_signed(i32 a, int n) { return _mm512_sra_epi16(a, _mm_cvtsi32_si128(n)); }
LOWBIT_LANES_FN i32 shift_right_quads(i32 a, int n) {
    return _mm512_maskz_srl_epi64(static_cast<__mmask8>(all), a, _mm_cvtsi32_si128(n));
}
/// Neighbours added: w0·c0 + w1·c1 of unsigned w and signed c bytes into words, of words into lanes.
LOWBIT_LANES_FN i32 add_byte_pairs(i32 weights, i32 codes) { return _mm512_maddubs_epi16(weights, codes); }
LOWBIT_LANES_FN i32 add_word_pairs(i32 weights, i32 codes) { return _mm512_madd_epi16(weights, codes); }
/// Quarter by quarter: words of a, then of b, saturated to bytes.
LOWBIT_LANES_FN i32 pack_quarters(i32 a, i32 b, std::int8_t) { return _mm512_packs_epi16(a, b); }
LOWBIT_LANES_FN i32 pack_quarters(i32 a, i32 b, std::uint8_t) { return _mm512_packus_epi16(a, b); }
LOWBIT_LANES_FN i32 shuffle_bytes(i32 x, i32 order) { return _mm512_shuffle_epi8(x, order); }
/// The same 16 bytes in every quarter.
LOWBIT_LANES_FN i32 splat_quarter(const void* p) {
    return _mm512_maskz_broadcast_i32x4(all, _mm_loadu_si128((const __m128i*)p));
}
// Bytes of one load distributed over the quarters: `distribute` moves units of 16 bits, by their indices in the load.
using unit = std::uint16_t;
inline constexpr int quarters_of_load = 4;  ///< quarters that the same load serves
LOWBIT_LANES_FN i32 load_eights(const std::uint8_t* p, int /*bytes of eight codes*/) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN i32 distribute(i32 bytes, i32 indices) {
    return _mm512_maskz_permutexvar_epi16(0xffffffffu, indices, bytes);
}
LOWBIT_LANES_FN void store_quarters(std::uint8_t* p, std::ptrdiff_t step, i32 x) {
    _mm_storeu_si128((__m128i*)p, _mm512_maskz_extracti64x2_epi64(0x3, x, 0));
    _mm_storeu_si128((__m128i*)(p + step), _mm512_maskz_extracti64x2_epi64(0x3, x, 1));
    _mm_storeu_si128((__m128i*)(p + 2 * step), _mm512_maskz_extracti64x2_epi64(0x3, x, 2));
    _mm_storeu_si128((__m128i*)(p + 3 * step), _mm512_maskz_extracti64x2_epi64(0x3, x, 3));
}
LOWBIT_LANES_FN i32 load_bytes(const void* p) { return _mm512_loadu_si512(p); }
/// The low bytes of 32 words of at most 255.
LOWBIT_LANES_FN __m256i low_bytes(i32 words) { return _mm512_maskz_cvtepi16_epi8(0xffffffffu, words); }
/// Sixteen nibbles of 8 bytes, the low ones first; what is above a nibble is not 0.
LOWBIT_LANES_FN i32 load_nibbles(const std::uint8_t* p) {
    std::int32_t halves[2];
    __builtin_memcpy(halves, p, 8);
    const i32 both = _mm512_mask_set1_epi32(_mm512_set1_epi32(halves[0]), 0xff00, halves[1]);
    return _mm512_maskz_srlv_epi32(all, both,
                                   _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28));
}
/// table[index mod 16].
LOWBIT_LANES_FN f32 lookup(f32 table, i32 index) { return _mm512_maskz_permutexvar_ps(all, index, table); }
/// 32 of the 64 bytes.
LOWBIT_LANES_FN void store_first_half(void* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_maskz_extracti64x4_epi64(0xf, x, 0));
}
LOWBIT_LANES_FN void store_second_half(void* p, i32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_maskz_extracti64x4_epi64(0xf, x, 1));
}
/// Pairs are lanes 2i and 2i + 1.
using pair_mask = __mmask8;
/// Whether a < b in both lanes of a pair. No lane is negative, and those of b are equal.
LOWBIT_LANES_FN pair_mask pairs_below(i32 a, i32 b) {
    return _mm512_cmplt_epu64_mask(_mm512_maskz_max_epi32(all, a, _mm512_maskz_shuffle_epi32(all, a, _MM_PERM_CDAB)),
                                   b);
}
LOWBIT_LANES_FN std::uint8_t pair_bits(pair_mask m) { return m; }
LOWBIT_LANES_FN f32 select_pairs(pair_mask m, f32 yes, f32 no) {
    return _mm512_castpd_ps(_mm512_mask_mov_pd(_mm512_castps_pd(no), m, _mm512_castps_pd(yes)));
}
/// `yes` in the lanes whose pair has its bit set, else `no`.
LOWBIT_LANES_FN f32 select_pairs(const std::uint8_t* bits, f32 yes, f32 no) {
    const i32 of_lane = _mm512_setr_epi32(1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128);
    return _mm512_mask_mov_ps(no, _mm512_test_epi32_mask(_mm512_set1_epi32(*bits), of_lane), yes);
}

/// A search among 15 ascending thresholds, four comparisons deep: the upper bits of the rank found so far choose the
/// next.
class rank_search {
public:
    LOWBIT_LANES_MEMBER explicit rank_search(const float* thresholds)
        : half_(_mm512_set1_ps(thresholds[7])),
          first_(_mm512_set1_ps(thresholds[3])),
          second_(_mm512_set1_ps(thresholds[11])),
          quarters_(nodes(thresholds, 2)),
          pairs_(nodes(thresholds, 1)) {}
    /// How many thresholds are below y.
    LOWBIT_LANES_MEMBER i32 operator()(f32 y) const {
        const mask half = _mm512_cmp_ps_mask(y, half_, _CMP_GT_OQ);
        const i32 rank = _mm512_maskz_mov_epi32(half, _mm512_set1_epi32(8));
        const i32 quarter = deeper(y, rank, _mm512_mask_mov_ps(first_, half, second_), 4);
        const i32 pair = deeper(y, quarter, lookup(quarters_, quarter), 2);
        return deeper(y, pair, lookup(pairs_, pair), 1);
    }

private:
    LOWBIT_LANES_MEMBER static f32 nodes(const float* thresholds, int half) {
        float all_nodes[16] = {};
        for (int rank = 0; rank < 16; rank += 2 * half) all_nodes[rank] = thresholds[rank + half - 1];
        return load(all_nodes);
    }
    LOWBIT_LANES_MEMBER static i32 deeper(f32 y, i32 rank, f32 threshold, int half) {
        const mask above = _mm512_cmp_ps_mask(y, threshold, _CMP_GT_OQ);
        return _mm512_mask_or_epi32(rank, above, rank, _mm512_set1_epi32(half));
    }

    f32 half_, first_, second_, quarters_, pairs_;
};

/// The level between the thresholds around y.
class level_search {
public:
    LOWBIT_LANES_MEMBER level_search(const float* thresholds, const float* levels)
        : rank_(thresholds), levels_(load(levels)) {}
    LOWBIT_LANES_MEMBER f32 operator()(f32 y) const { return lookup(levels_, rank_(y)); }

private:
    rank_search rank_;
    f32 levels_;
};

/// table[w / 2^11 mod 32] for each word w.
class cell_lookup {
public:
    LOWBIT_LANES_MEMBER explicit cell_lookup(const std::uint16_t* table) : table_(_mm512_loadu_si512(table)) {}
    LOWBIT_LANES_MEMBER i32 operator()(i32 words) const {
        return _mm512_maskz_permutexvar_epi16(0xffffffffu, _mm512_srli_epi16(words, 11), table_);
    }

private:
    i32 table_;
};

// Maxima of integers across lanes: see blocks_body.inl.
using quarters = __m512i;
/// Of four vectors, the maximum of each quarter, as its four lanes.
LOWBIT_LANES_FN quarters quarter_maxima(i32 a, i32 b, i32 c, i32 d) {
    const i32 ab =
        _mm512_maskz_max_epi32(all, _mm512_maskz_unpacklo_epi32(all, a, b), _mm512_maskz_unpackhi_epi32(all, a, b));
    const i32 cd =
        _mm512_maskz_max_epi32(all, _mm512_maskz_unpacklo_epi32(all, c, d), _mm512_maskz_unpackhi_epi32(all, c, d));
    return _mm512_maskz_max_epi32(all, _mm512_maskz_unpacklo_epi64(0xff, ab, cd),
                                  _mm512_maskz_unpackhi_epi64(0xff, ab, cd));
}
/// The maxima of the sixteen vectors that went into a, b, c, d, in order.
LOWBIT_LANES_FN i32 fold_quarters(quarters a, quarters b, quarters c, quarters d) {
    const i32 ab = _mm512_maskz_max_epi32(all, _mm512_maskz_shuffle_i32x4(all, a, b, 0x44),
                                          _mm512_maskz_shuffle_i32x4(all, a, b, 0xee));
    const i32 cd = _mm512_maskz_max_epi32(all, _mm512_maskz_shuffle_i32x4(all, c, d, 0x44),
                                          _mm512_maskz_shuffle_i32x4(all, c, d, 0xee));
    return _mm512_maskz_max_epi32(all, _mm512_maskz_shuffle_i32x4(all, ab, cd, 0x88),
                                  _mm512_maskz_shuffle_i32x4(all, ab, cd, 0xdd));
}

// Floats ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 splat(float x) { return _mm512_set1_ps(x); }
LOWBIT_LANES_FN f32 multiply(f32 a, f32 b) { return _mm512_mul_ps(a, b); }
LOWBIT_LANES_FN f32 add(f32 a, f32 b) { return _mm512_add_ps(a, b); }
LOWBIT_LANES_FN f32 subtract(f32 a, f32 b) { return _mm512_sub_ps(a, b); }
/// Correctly rounded. In assembly: under -ffast-math compilers make a product with an approximate reciprocal of it.
LOWBIT_LANES_FN f32 divide(f32 a, f32 b) {
    __asm__("vdivps %2, %1, %0" : "=v"(a) : "v"(a), "v"(b));
    return a;
}
LOWBIT_LANES_FN f32 min(f32 a, f32 b) { return _mm512_maskz_min_ps(all, a, b); }
LOWBIT_LANES_FN f32 max(f32 a, f32 b) { return _mm512_maskz_max_ps(all, a, b); }
/// The same value, which the compiler cannot merge into what follows.
LOWBIT_LANES_FN f32 opaque(f32 x) {
    __asm__("" : "+v"(x));
    return x;
}
/// 0 in place of NaN. (vfixupimm: its table maps the two NaN classes to +0 and keeps the rest.)
LOWBIT_LANES_FN f32 zero_nan(f32 x) { return _mm512_fixupimm_ps(x, x, _mm512_set1_epi32(0x88), 0); }
/// The smaller (larger) one of x and what was seen before; x is skipped where it is NaN. In assembly, because compilers
/// under -ffast-math swap the operands of the intrinsic, and the order decides what becomes of NaN.
LOWBIT_LANES_FN f32 seen_min(f32 x, f32 seen) {
    __asm__("vminps %1, %2, %0" : "=v"(seen) : "v"(seen), "v"(x));
    return seen;
}
LOWBIT_LANES_FN f32 seen_max(f32 x, f32 seen) {
    __asm__("vmaxps %1, %2, %0" : "=v"(seen) : "v"(seen), "v"(x));
    return seen;
}
/// Nearest integer, ties to even.
LOWBIT_LANES_FN i32 round_even(f32 x) { return _mm512_maskz_cvtps_epi32(all, x); }
LOWBIT_LANES_FN f32 nearest_integer(f32 x) { return _mm512_maskz_roundscale_ps(all, x, _MM_FROUND_TO_NEAREST_INT); }
/// Sixteen bytes, sign-extended to 16 bits, and as float16.
LOWBIT_LANES_FN __m256i load_halves(const std::uint8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p));
}
LOWBIT_LANES_FN f32 halves_to_float(__m256i x) { return _mm512_maskz_cvtph_ps(all, x); }
LOWBIT_LANES_FN void store_halves(std::uint16_t* p, f32 x) {
    _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtps_ph(all, x, _MM_FROUND_TO_NEAREST_INT));
}
/// To float16 and back.
LOWBIT_LANES_FN f32 through_half(f32 x) {
    return halves_to_float(_mm512_maskz_cvtps_ph(all, x, _MM_FROUND_TO_NEAREST_INT));
}
/// a · b + c, rounded once.
LOWBIT_LANES_FN f32 fused(f32 a, f32 b, f32 c) { return _mm512_fmadd_ps(a, b, c); }
/// c − a · b, rounded once.
LOWBIT_LANES_FN f32 minus_product(f32 c, f32 a, f32 b) { return _mm512_fnmadd_ps(a, b, c); }
/// Toward zero.
LOWBIT_LANES_FN i32 truncate(f32 x) { return _mm512_maskz_cvttps_epi32(all, x); }
LOWBIT_LANES_FN f32 to_float(i32 x) { return _mm512_maskz_cvtepi32_ps(all, x); }
LOWBIT_LANES_FN i32 bits(f32 x) { return _mm512_castps_si512(x); }
LOWBIT_LANES_FN f32 as_float(i32 x) { return _mm512_castsi512_ps(x); }

// Integers --------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN i32 splat(std::int32_t x) { return _mm512_set1_epi32(x); }
LOWBIT_LANES_FN i32 splat_bits(std::uint32_t x) { return splat(static_cast<std::int32_t>(x)); }
LOWBIT_LANES_FN i32 add(i32 a, i32 b) { return _mm512_add_epi32(a, b); }
LOWBIT_LANES_FN i32 subtract(i32 a, i32 b) { return _mm512_sub_epi32(a, b); }
LOWBIT_LANES_FN i32 bit_and(i32 a, i32 b) { return _mm512_and_si512(a, b); }
LOWBIT_LANES_FN i32 bit_or(i32 a, i32 b) { return _mm512_or_si512(a, b); }
LOWBIT_LANES_FN i32 bit_xor(i32 a, i32 b) { return _mm512_xor_si512(a, b); }
LOWBIT_LANES_FN i32 min(i32 a, i32 b) { return _mm512_maskz_min_epi32(all, a, b); }
LOWBIT_LANES_FN i32 max(i32 a, i32 b) { return _mm512_maskz_max_epi32(all, a, b); }
template <int N>
LOWBIT_LANES_FN i32 shift_left(i32 a) {
    return _mm512_maskz_slli_epi32(all, a, N);
}
/// Lane by lane.
LOWBIT_LANES_FN i32 shift_left(i32 a, i32 n) { return _mm512_maskz_sllv_epi32(all, a, n); }
template <int N>
LOWBIT_LANES_FN i32 shift_right(i32 a) {
    return _mm512_maskz_srli_epi32(all, a, N);
}

// Masks -----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN mask greater(i32 a, i32 b) { return _mm512_cmpgt_epi32_mask(a, b); }
LOWBIT_LANES_FN mask both(mask a, mask b) { return static_cast<mask>(a & b); }
LOWBIT_LANES_FN mask either(mask a, mask b) { return static_cast<mask>(a | b); }
LOWBIT_LANES_FN bool any(mask m) { return m != 0; }
LOWBIT_LANES_FN mask greater(f32 a, f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
LOWBIT_LANES_FN mask equal(i32 a, i32 b) { return _mm512_cmpeq_epi32_mask(a, b); }
LOWBIT_LANES_FN f32 select(mask m, f32 yes, f32 no) { return _mm512_mask_mov_ps(no, m, yes); }
LOWBIT_LANES_FN i32 select(mask m, i32 yes, i32 no) { return _mm512_mask_mov_epi32(no, m, yes); }

}  // namespace lowbit::detail::lanes_avx512

#undef LOWBIT_LANES_FN
#undef LOWBIT_LANES_MEMBER
