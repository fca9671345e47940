// SPDX-License-Identifier: Apache-2.0
/// @file
/// Matrix micro-kernels for AVX-VNNI: VPDPBUSD on 256 bits (VEX-encoded), steps of four bytes, 16 channels a panel.
#pragma once

#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/gemm_tile.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

#define LOWBIT_TARGET __attribute__((target("avx2,fma,avxvnni")))

namespace lowbit::detail::isa_avx_vnni {

#include <lowbit/kernels/isa/ops_avx2.inl>

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec quad(const std::uint8_t* x, vec flip) {
    std::int32_t bytes;
    std::memcpy(&bytes, x, sizeof bytes);
    return _mm256_xor_si256(_mm256_set1_epi32(bytes), flip);
}

/// The empty asm keeps g++ 12 from copying and spilling accumulators around the instruction.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot(vec& acc, vec x, vec w) {
    acc = _mm256_dpbusd_avx_epi32(acc, x, w);
    __asm__("" : "+v"(acc));
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_memory(vec& acc, vec x, const std::uint8_t* w) { dot(acc, x, load(w)); }

/// acc + Σ of the four products of bytes of each lane: x unsigned, w signed.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_bytes(vec& acc, vec x, vec w) { dot(acc, x, w); }

#include <lowbit/kernels/isa/gemm_body.inl>

#include <lowbit/kernels/isa/depthwise_body.inl>

}  // namespace lowbit::detail::isa_avx_vnni

#undef LOWBIT_TARGET
#endif
