// SPDX-License-Identifier: Apache-2.0
/// @file
/// Sixteen 32-bit lanes on AVX-512: the words that the loops in kernels/isa/*.inc are written in (lanes_avx2.hpp has
/// the same words on pairs of 256-bit registers, so that every loop is written once).
///
/// The zero-masked form with all lanes on is the plain instruction; g++ 12 warns about the plain form's intrinsic.
/// Arithmetic here is exactly rounded and never contracted: a product that a sum follows goes through `opaque`.
#pragma once

#include <lowbit/core/config.hpp>

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define LOWBIT_LANES_FN __attribute__((LOWBIT_TARGET_AVX512, always_inline)) inline

namespace lowbit::detail::lanes_avx512 {

using f32 = __m512;
using i32 = __m512i;
using mask = __mmask16;  ///< one bit a lane

inline constexpr mask all = 0xffff;

// Memory ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 load(const float* p) { return _mm512_loadu_ps(p); }
LOWBIT_LANES_FN i32 load(const std::uint32_t* p) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN i32 load_bits(const float* p) { return _mm512_loadu_si512(p); }
LOWBIT_LANES_FN void store(float* p, f32 x) { _mm512_storeu_ps(p, x); }
LOWBIT_LANES_FN void store(std::uint32_t* p, i32 x) { _mm512_storeu_si512(p, x); }
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
/// Whether any 16-bit lane is −2^15.
LOWBIT_LANES_FN bool any_lowest(i32 a, i32 b) {
    return _mm512_cmpeq_epi16_mask(_mm512_min_epi16(a, b), _mm512_set1_epi16(INT16_MIN)) != 0;
}
/// The packs work on 128-bit quarters: dword 4q + r of their result holds lanes 4q … 4q + 3 of vector r.
LOWBIT_LANES_FN i32 in_order(i32 quarters) {
    const i32 order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_maskz_permutexvar_epi32(all, order, quarters);
}
LOWBIT_LANES_FN i32 pack_codes(i32 a, i32 b, std::int8_t) { return in_order(_mm512_packs_epi16(a, b)); }
LOWBIT_LANES_FN i32 pack_codes(i32 a, i32 b, std::uint8_t) { return in_order(_mm512_packus_epi16(a, b)); }
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

// Floats ----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN f32 splat(float x) { return _mm512_set1_ps(x); }
LOWBIT_LANES_FN f32 multiply(f32 a, f32 b) { return _mm512_mul_ps(a, b); }
LOWBIT_LANES_FN f32 add(f32 a, f32 b) { return _mm512_add_ps(a, b); }
LOWBIT_LANES_FN f32 divide(f32 a, f32 b) { return _mm512_div_ps(a, b); }
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
/// Toward zero.
LOWBIT_LANES_FN i32 truncate(f32 x) { return _mm512_maskz_cvttps_epi32(all, x); }
LOWBIT_LANES_FN f32 to_float(i32 x) { return _mm512_maskz_cvtepi32_ps(all, x); }
LOWBIT_LANES_FN i32 bits(f32 x) { return _mm512_castps_si512(x); }
LOWBIT_LANES_FN f32 as_float(i32 x) { return _mm512_castsi512_ps(x); }

// Integers --------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN i32 splat(std::int32_t x) { return _mm512_set1_epi32(x); }
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
template <int N>
LOWBIT_LANES_FN i32 shift_right(i32 a) {
    return _mm512_maskz_srli_epi32(all, a, N);
}

// Masks -----------------------------------------------------------------------------------------------------------

LOWBIT_LANES_FN mask greater(i32 a, i32 b) { return _mm512_cmpgt_epi32_mask(a, b); }
LOWBIT_LANES_FN mask either(mask a, mask b) { return static_cast<mask>(a | b); }
LOWBIT_LANES_FN bool any(mask m) { return m != 0; }
LOWBIT_LANES_FN i32 select(mask m, i32 yes, i32 no) { return _mm512_mask_mov_epi32(no, m, yes); }

}  // namespace lowbit::detail::lanes_avx512

#undef LOWBIT_LANES_FN
