// SPDX-License-Identifier: Apache-2.0
/// @file
/// Matrix micro-kernels for AVX2: VPMADDWD on 256 bits, steps of two int16, 16 channels a panel. (VPMADDUBSW would
/// halve the work, but saturates: 255·127 twice is past int16.)
#pragma once

#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/gemm_tile.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

#define LOWBIT_TARGET __attribute__((target("avx2,fma")))

namespace lowbit::detail::isa_avx2 {

#include <lowbit/kernels/isa/ops_avx2.inl>

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec quad(const std::uint8_t* x, vec) {
    std::int32_t pair;
    std::memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot(vec& acc, vec x, vec w) {
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x, w));
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_memory(vec& acc, vec x, const std::uint8_t* w) { dot(acc, x, load(w)); }

/// acc + Σ of the four products of bytes of each lane: x unsigned, w signed; the even bytes, then the odd ones.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_bytes(vec& acc, vec x, vec w) {
    const vec w_even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), w_odd = _mm256_srai_epi16(w, 8);
    const vec x_even = _mm256_srli_epi16(_mm256_slli_epi16(x, 8), 8), x_odd = _mm256_srli_epi16(x, 8);
    acc = add(acc, add(_mm256_madd_epi16(x_even, w_even), _mm256_madd_epi16(x_odd, w_odd)));
}

#include <lowbit/kernels/isa/gemm_body.inl>

#include <lowbit/kernels/isa/depthwise_body.inl>

#include <lowbit/kernels/isa/elementwise_body.inl>

LOWBIT_TARGET inline void widen_bytes(const std::uint8_t* x, bool is_signed, std::int32_t zero, std::ptrdiff_t count,
                                      std::int16_t* to) {
    const __m128i flip = _mm_set1_epi8(is_signed ? -128 : 0);
    const vec offset = _mm256_set1_epi16(static_cast<short>(zero + (is_signed ? 128 : 0)));
    for (; count >= 16; count -= 16, x += 16, to += 16) {
        const __m128i bytes = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)), flip);
        store(to, _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), offset));
    }
    portable_widen(x, is_signed, zero, count, to);
}

}  // namespace lowbit::detail::isa_avx2

#undef LOWBIT_TARGET
#endif
