// SPDX-License-Identifier: Apache-2.0
/// @file
/// Matrix micro-kernels for AVX-512 without VNNI: VPMADDWD on 512 bits, steps of two int16, 64 channels a panel.
#pragma once

#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/gemm_tile.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

// g++ 12 takes the undefined pass-through operands inside its own intrinsics for uninitialized variables.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define LOWBIT_TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))

namespace lowbit::detail::isa_avx512 {

#include <lowbit/kernels/isa/ops_avx512.inl>

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec quad(const std::uint8_t* x, vec) {
    std::int32_t pair;
    std::memcpy(&pair, x, sizeof pair);
    return _mm512_set1_epi32(pair);
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot(vec& acc, vec x, vec w) {
    acc = _mm512_add_epi32(acc, _mm512_madd_epi16(x, w));
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_memory(vec& acc, vec x, const std::uint8_t* w) { dot(acc, x, load(w)); }

/// acc + Σ of the four products of bytes of each lane: x unsigned, w signed; the even bytes, then the odd ones.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_bytes(vec& acc, vec x, vec w) {
    const vec w_even = _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8), w_odd = _mm512_srai_epi16(w, 8);
    const vec x_even = _mm512_srli_epi16(_mm512_slli_epi16(x, 8), 8), x_odd = _mm512_srli_epi16(x, 8);
    acc = add(acc, add(_mm512_madd_epi16(x_even, w_even), _mm512_madd_epi16(x_odd, w_odd)));
}

#include <lowbit/kernels/isa/gemm_body.inl>

#include <lowbit/kernels/isa/depthwise_body.inl>

#include <lowbit/kernels/isa/elementwise_body.inl>

LOWBIT_TARGET inline void widen_bytes(const std::uint8_t* x, bool is_signed, std::int32_t zero, std::ptrdiff_t count,
                                      std::int16_t* to) {
    const __m256i flip = _mm256_set1_epi8(is_signed ? -128 : 0);
    const vec offset = _mm512_set1_epi16(static_cast<short>(zero + (is_signed ? 128 : 0)));
    for (; count >= 32; count -= 32, x += 32, to += 32) {
        const __m256i bytes = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), flip);
        store(to, _mm512_sub_epi16(_mm512_cvtepu8_epi16(bytes), offset));
    }
    portable_widen(x, is_signed, zero, count, to);
}

/// As `table_blocks`, for CPUs that look up in 128 bytes at once (VBMI): the halves of the table, by the highest bit.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) inline std::ptrdiff_t table_blocks_vbmi(
    std::ptrdiff_t n, const std::uint8_t* x, const std::uint8_t* table, std::uint8_t* y) {
    const __m512i a = _mm512_loadu_si512(table), b = _mm512_loadu_si512(table + 64);
    const __m512i c = _mm512_loadu_si512(table + 128), d = _mm512_loadu_si512(table + 192);
    std::ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i index = _mm512_loadu_si512(x + i), low = _mm512_permutex2var_epi8(a, index, b);
        const __m512i high = _mm512_permutex2var_epi8(c, index, d);
        _mm512_storeu_si512(y + i, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(index), high));
    }
    return i;
}

}  // namespace lowbit::detail::isa_avx512

#undef LOWBIT_TARGET
#pragma GCC diagnostic pop
#endif
