// SPDX-License-Identifier: Apache-2.0
/// @file
/// NVFP4 on raw memory (NVIDIA, "Pretraining Large Language Models with NVFP4", 2025, appendix B, and Model Optimizer):
/// E2M1 elements, an E4M3 scale for each block of 16, one float32 scale for the tensor.
///
///     s2 = amax / (6·448);   s1 = E4M3(block amax / (6·s2)), 0 becomes 1;   code = E2M1(x / (s1·s2))
///     x̂ = code · (s1·s2)
///
/// s2 is at least 2^−117, so that s1·s2 is never subnormal. In float32, each operation rounded by itself; ties to even.
/// This code is normative. Values are finite. n values are consecutive blocks, the last may be shorter; codes are a
/// packed stream (even element in the low nibble), scales one byte a block.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/caching.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// s2 for a tensor of this largest magnitude.
inline float nvfp4_tensor_scale(float amax) { return std::max(quotient(amax, 2688.0f), 0x1p-117f); }

namespace detail {

/// s1·s2. A NaN among the block scales gives NaN.
inline float nvfp4_step(std::uint8_t scale, float tensor_scale) {
    return opaque(static_cast<float>(float8_e4m3::from_bits(scale)) * tensor_scale);
}

inline float4_e2m1 nvfp4_element(float x, float step) { return float4_e2m1(quotient(x, step)); }

/// The scale from 4 codes below the standard one to 5 above it with the least error; the standard one if equal.
inline std::uint8_t nvfp4_best_scale(const float* x, std::ptrdiff_t n, std::uint8_t standard, float tensor_scale,
                                     const float* importance) {
    const auto level = [](float y) { return static_cast<float>(float4_e2m1(y)); };
    const auto value_of = [](int code) {
        return static_cast<float>(float8_e4m3::from_bits(static_cast<std::uint32_t>(code)));
    };
    const float unit = quotient(1.0f, nvfp4_step(standard, tensor_scale));
    return lanes_scalar::with_weights(x, importance, n, unit, 0.0f, [&](const auto& y) {
        lanes_scalar::code_search search(y, level, standard);
        for (int step = -4; step <= 5; ++step) {
            const int code = std::clamp<int>(standard + step, 1, float8_e4m3::max_code);
            search.attempt(code, quotient(value_of(standard), value_of(code)),
                           quotient(value_of(code), value_of(standard)));
        }
        return static_cast<std::uint8_t>(search.best());
    });
}

}  // namespace detail

namespace detail::scalar {

inline void quantize_nvfp4(const float* x, std::ptrdiff_t n, float tensor_scale, std::ptrdiff_t block, bool search,
                           const float* importance, std::uint8_t* codes, std::uint8_t* scales) {
    const float six = opaque(6.0f * tensor_scale);
    code_writer out(codes, 4);
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const std::ptrdiff_t count = std::min(block, n - first);
        const float amax = detail::largest_magnitude(x + first, count);
        std::uint8_t scale = float8_e4m3(quotient(amax, six)).to_bits();
        if (scale == 0) scale = float8_e4m3(1.0f).to_bits();
        if (search) {
            const float* weights = importance != nullptr ? importance + first : nullptr;
            scale = detail::nvfp4_best_scale(x + first, count, scale, tensor_scale, weights);
        }
        *scales++ = scale;
        const float step = detail::nvfp4_step(scale, tensor_scale);
        for (std::ptrdiff_t i = first; i < first + count; ++i) out.put(detail::nvfp4_element(x[i], step).to_bits());
    }
    out.finish();
}

inline void dequantize_nvfp4(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n,
                             float tensor_scale, std::ptrdiff_t block, float* x) {
    code_reader in(codes, 4);
    for (std::ptrdiff_t first = 0; first < n; first += block) {
        const float step = detail::nvfp4_step(*scales++, tensor_scale);
        const std::ptrdiff_t last = std::min(first + block, n);
        for (std::ptrdiff_t i = first; i < last; ++i) {
            x[i] = static_cast<float>(float4_e2m1::from_bits(in.next())) * step;
        }
    }
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_nvfp4_avx2.inl>
#include <lowbit/kernels/isa/block_nvfp4_avx512.inl>
#endif

namespace lowbit {

/// n values to codes and block scales. codes: ⌈n/2⌉ bytes; scales: ⌈n/block⌉ E4M3 bytes. search: the block scale of
/// least (weighted) squared error instead of the standard one. importance: n weights for it, or null. Complexity O(n).
inline void quantize_nvfp4(const float* x, std::ptrdiff_t n, float tensor_scale, std::ptrdiff_t block, bool search,
                           const float* importance, std::uint8_t* codes, std::uint8_t* scales,
                           caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && block == 16) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::quantize_nvfp4
                                                             : detail::lanes_avx2::quantize_nvfp4;
        return run(x, n, tensor_scale, search, importance, codes, scales, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::quantize_nvfp4(x, n, tensor_scale, block, search, importance, codes, scales);
}

/// Codes and scales to n values. Complexity O(n).
inline void dequantize_nvfp4(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n,
                             float tensor_scale, std::ptrdiff_t block, float* x, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && block == 16) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::dequantize_nvfp4
                                                             : detail::lanes_avx2::dequantize_nvfp4;
        return run(codes, scales, n, tensor_scale, x, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_nvfp4(codes, scales, n, tensor_scale, block, x);
}

}  // namespace lowbit
