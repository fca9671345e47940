// SPDX-License-Identifier: Apache-2.0
/// @file
/// Matrix micro-kernels for AVX-512 VNNI: VPDPBUSD on 512 bits, steps of four bytes, 64 channels a panel.
///
/// int8 inputs become uint8 by flipping the sign bit of every byte (x + 128), which the zero point takes back.
#pragma once

#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/gemm_tile.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

// g++ 12 takes the undefined pass-through operands inside its own intrinsics for uninitialized variables.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define LOWBIT_TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace lowbit::detail::isa_avx512_vnni {

#include <lowbit/kernels/isa/ops_avx512.inl>

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec quad(const std::uint8_t* x, vec flip) {
    std::int32_t bytes;
    std::memcpy(&bytes, x, sizeof bytes);
    return _mm512_xor_si512(_mm512_set1_epi32(bytes), flip);
}

/// By asm, as g++ 12 copies and spills accumulators around the intrinsic.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot(vec& acc, vec x, vec w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_memory(vec& acc, vec x, const std::uint8_t* w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "m"(*reinterpret_cast<const vec*>(w)));
}

/// acc + Σ of the four products of bytes of each lane: x unsigned, w signed.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void dot_bytes(vec& acc, vec x, vec w) { dot(acc, x, w); }

#include <lowbit/kernels/isa/gemm_body.inl>

#include <lowbit/kernels/isa/depthwise_body.inl>

}  // namespace lowbit::detail::isa_avx512_vnni

#undef LOWBIT_TARGET
#pragma GCC diagnostic pop
#endif
