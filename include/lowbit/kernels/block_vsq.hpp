// SPDX-License-Identifier: Apache-2.0
/// @file
/// VS-Quant on raw memory (Dai et al. 2021, "VS-Quant: Per-vector Scaled Quantization for Accurate Low-Precision Neural
/// Network Inference", sections 4.1 and 4.2): N-bit elements, one M-bit scale for each vector of V elements, one
/// float32 γ for all vectors of a channel (or of the tensor).
///
///     s(j) = max|x| / qmax;   γ = max_j s(j) / (2^M − 1);   s_q(j) = round(s(j) / γ)
///     order A (the paper's)   x_q = clip(round(x / s(j)))           elements first, then the scales
///     order B                 x_q = clip(round(x / (s_q(j)·γ)))     elements against the scale that is stored
///     x̂ = x_q · s_q(j) · γ
///
/// qmax = 2^(N−1) − 1 for signed elements in [−qmax, qmax], 2^N − 1 for unsigned ones in [0, qmax]. s_q = 0 makes the
/// vector zero. γ is at least 2^−126, and 1 where all values are zero.
///
/// In float32, each operation rounded by itself, x / s as x · (1 / s); ties to even. This code is normative. Values are
/// finite. n values are consecutive vectors of one γ, the last may be shorter; codes and vector scales are packed
/// streams (formats/packed.hpp) that start on a byte.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/reduce.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Which is quantized first.
enum class vsq_order {
    a,  ///< elements by the exact scale, as the paper writes it
    b,  ///< scales first, elements by the scale that will be decoded: less error
};

/// Everything that one call needs to know.
struct vsq_format {
    int bits = 4;        ///< N: 2 … 8
    int scale_bits = 4;  ///< M: 1 … 16
    std::ptrdiff_t vector = 16;
    vsq_order order = vsq_order::b;
    bool is_signed = true;

    constexpr int highest() const { return (1 << (is_signed ? bits - 1 : bits)) - 1; }
    constexpr int lowest() const { return is_signed ? -highest() : 0; }
    constexpr int highest_scale() const { return (1 << scale_bits) - 1; }
};

/// What the scale must cover: max |x| of signed elements, max(x, 0) of unsigned ones. Complexity O(n).
inline float vsq_amax(const float* x, std::ptrdiff_t n, bool is_signed) {
    return is_signed ? find_magnitude(x, n) : find_extent(x, n, {}).max;
}

/// γ for values of this vsq_amax.
inline float vsq_gamma(float amax, const vsq_format& format) {
    if (amax == 0) return 1.0f;
    const float scale = quotient(amax, static_cast<float>(format.highest()));
    return std::max(quotient(scale, static_cast<float>(format.highest_scale())), 0x1p-126f);
}

namespace detail::scalar {

inline void quantize_vsq(const float* x, std::ptrdiff_t n, float gamma, const vsq_format& format, std::uint8_t* codes,
                         std::uint8_t* scales) {
    const float low = static_cast<float>(format.lowest()), high = static_cast<float>(format.highest());
    const float top = static_cast<float>(format.highest_scale());
    code_writer code_out(codes, format.bits), scale_out(scales, format.scale_bits);
    for (std::ptrdiff_t first = 0; first < n; first += format.vector) {
        const std::ptrdiff_t last = std::min(first + format.vector, n);
        const float scale = quotient(vsq_amax(x + first, last - first, format.is_signed), high);
        const float scale_code = std::min(round_to_integer(quotient(scale, gamma)), top);
        const float step = format.order == vsq_order::a ? scale : opaque(scale_code * gamma);
        // A vector whose scale is 0 is zero; so is one whose scale has no finite reciprocal.
        const float inverse = scale_code > 0 && step >= 0x1p-126f ? quotient(1.0f, step) : 0.0f;
        scale_out.put(static_cast<std::uint32_t>(scale_code));
        for (std::ptrdiff_t i = first; i < last; ++i) {
            const float code = std::clamp(round_to_integer(x[i] * inverse), low, high);
            code_out.put(static_cast<std::uint32_t>(static_cast<std::int32_t>(code)));
        }
    }
    code_out.finish();
    scale_out.finish();
}

inline void dequantize_vsq(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n, float gamma,
                           const vsq_format& format, float* x) {
    code_reader code_in(codes, format.bits), scale_in(scales, format.scale_bits);
    const int unused = format.is_signed ? 32 - format.bits : 0;
    for (std::ptrdiff_t first = 0; first < n; first += format.vector) {
        const std::ptrdiff_t last = std::min(first + format.vector, n);
        const auto scale = static_cast<std::int32_t>(scale_in.next());
        for (std::ptrdiff_t i = first; i < last; ++i) {
            const std::int32_t code = static_cast<std::int32_t>(code_in.next() << unused) >> unused;
            x[i] = static_cast<float>(code * scale) * gamma;  // the integer product is exact: 8 + 16 bits
        }
    }
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_vsq_avx2.inl>
#include <lowbit/kernels/isa/block_vsq_avx512.inl>
#endif

namespace lowbit {

namespace detail {

/// Whether the vector code knows the format.
constexpr bool is_common(const vsq_format& f) {
    return f.vector == 16 && f.is_signed && f.scale_bits >= 2 && f.scale_bits <= 8;
}

}  // namespace detail

/// n values to codes and vector scales. codes: packed_bytes(n, N) bytes; scales: packed_bytes(⌈n/V⌉, M) bytes.
/// Complexity O(n).
inline void quantize_vsq(const float* x, std::ptrdiff_t n, float gamma, const vsq_format& format, std::uint8_t* codes,
                         std::uint8_t* scales, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && detail::is_common(format)) {
        const auto run =
            includes(active_isa(), isa::avx512) ? detail::lanes_avx512::quantize_vsq : detail::lanes_avx2::quantize_vsq;
        return run(x, n, gamma, format, codes, scales, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::quantize_vsq(x, n, gamma, format, codes, scales);
}

/// Codes and vector scales to n values. Complexity O(n).
inline void dequantize_vsq(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n, float gamma,
                           const vsq_format& format, float* x, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && detail::is_common(format)) {
        const auto run = includes(active_isa(), isa::avx512) ? detail::lanes_avx512::dequantize_vsq
                                                             : detail::lanes_avx2::dequantize_vsq;
        return run(codes, scales, n, gamma, format, x, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_vsq(codes, scales, n, gamma, format, x);
}

}  // namespace lowbit
