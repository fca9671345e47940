// SPDX-License-Identifier: Apache-2.0
/// @file
/// Shared microexponents on raw memory: MX9, MX6, MX4 (Rouhani et al. 2023, "With Shared Microexponents, A Little
/// Shifting Goes a Long Way", section 3: k1 = 16, d1 = 8, k2 = 2, d2 = 1) and, without the second level, MSFP16,
/// MSFP12.
///
///     E = exponent of the largest in the block;  τ = min(E − exponent of the largest in the pair, 1)
///     M = round(|x| / 2^(E − τ − (m − 1))), at most 2^m − 1;  x̂ = ±M · 2^(E − τ − (m − 1))
///
/// Stored: sign and magnitude in 1 + m bits (the sign on top), E + 127 in a byte for each block, τ in a bit for each
/// pair. A block with NaN or infinity is NaN as a whole: exponent byte 255, codes 0.
/// With pairs, float32 subnormals count as zeros, the byte 0 is a block of zeros and −0 is decoded as −0. Without pairs
/// subnormals are kept (E at least −127, as in MX) and zeros are decoded as +0. Both as in the implementations that
/// define these formats in practice.
///
/// This code is normative. n values are consecutive blocks, the last block and its last pair may be shorter; codes and
/// pair bits are packed streams that start on a byte. Every block starts its pairs anew.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/caching.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Everything that one call needs to know.
struct microexponent_format {
    int mantissa_bits = 7;  ///< m, 1 … 15
    std::ptrdiff_t block = 16;
    std::ptrdiff_t pair = 2;  ///< 0: no second level
    ties rule = ties::even;

    /// Pair bits of n values that are consecutive blocks.
    constexpr std::ptrdiff_t pairs(std::ptrdiff_t n) const {
        return pair == 0 ? 0 : n / block * ceil_div(block, pair) + ceil_div(n % block, pair);
    }
};

namespace detail {

/// The byte that stands for the exponent of the largest magnitude.
inline std::uint8_t shared_exponent(float amax, bool keep_subnormals) {
    const int field = static_cast<int>(std::bit_cast<std::uint32_t>(amax) >> 23);
    if (field > 0 || !keep_subnormals || amax == 0) return static_cast<std::uint8_t>(field);
    return e8m0::from_exponent(floor_log2(amax)).to_bits();
}

}  // namespace detail

namespace detail::scalar {

inline void quantize_microexponent(const float* x, std::ptrdiff_t n, const microexponent_format& format,
                                   std::uint8_t* codes, std::uint8_t* exponents, std::uint8_t* shifts) {
    const int m = format.mantissa_bits;
    const bool paired = format.pair > 0;
    const float largest = static_cast<float>((1 << m) - 1);
    code_writer code_out(codes, 1 + m), shift_out(shifts, 1);
    for (std::ptrdiff_t first = 0; first < n; first += format.block) {
        const std::ptrdiff_t count = std::min(format.block, n - first);
        const float amax = detail::largest_magnitude(x + first, count);
        const std::uint8_t exponent = detail::shared_exponent(amax, !paired);
        *exponents++ = exponent;
        const std::ptrdiff_t step = paired ? format.pair : count;
        for (std::ptrdiff_t begin = 0; begin < count; begin += step) {
            const float* values = x + first + begin;
            const std::ptrdiff_t together = std::min(step, count - begin);
            const bool shift = paired && exponent != 0 && exponent != 255 &&
                               detail::shared_exponent(detail::largest_magnitude(values, together), false) < exponent;
            if (paired) shift_out.put(shift ? 1u : 0u);
            const int scale = m - 1 - (exponent - e8m0::bias - (shift ? 1 : 0));
            for (std::ptrdiff_t i = 0; i < together; ++i) {
                const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]), magnitude = bits & 0x7fffffffu;
                const bool flushed = paired && magnitude < 0x800000u;
                const float scaled = flushed ? 0.0f : times_power_of_two(std::bit_cast<float>(magnitude), scale);
                const float mantissa = std::min(round_to_integer(scaled, format.rule), largest);
                code_out.put(exponent == 255 ? 0u : (bits >> 31) << m | static_cast<std::uint32_t>(mantissa));
            }
        }
    }
    code_out.finish();
    shift_out.finish();
}

inline void dequantize_microexponent(const std::uint8_t* codes, const std::uint8_t* exponents,
                                     const std::uint8_t* shifts, std::ptrdiff_t n, const microexponent_format& format,
                                     float* x) {
    const int m = format.mantissa_bits;
    const bool paired = format.pair > 0;
    code_reader code_in(codes, 1 + m), shift_in(shifts, 1);
    for (std::ptrdiff_t first = 0; first < n; first += format.block) {
        const std::ptrdiff_t count = std::min(format.block, n - first);
        const auto exponent = e8m0::from_bits(*exponents++);
        int shift = 0;
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            if (paired && i % format.pair == 0) shift = static_cast<int>(shift_in.next());
            const std::uint32_t code = code_in.next(), mantissa = code & ((1u << m) - 1);
            const float magnitude =
                times_power_of_two(static_cast<float>(mantissa), exponent.exponent() - shift + 1 - m);
            const bool negative = (code >> m) != 0 && (paired || mantissa != 0);
            x[first + i] = exponent.is_nan() ? static_cast<float>(exponent) : negative ? -magnitude : magnitude;
        }
    }
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_microexponent_avx2.inl>
#include <lowbit/kernels/isa/block_microexponent_avx512.inl>
#endif

namespace lowbit {

namespace detail {

/// Whether the vector code knows the format.
constexpr bool is_common(const microexponent_format& f) {
    return f.block == 16 && (f.pair == 2 || f.pair == 0) && f.mantissa_bits <= 7 && f.rule == ties::even;
}

}  // namespace detail

/// n values to codes, exponents and pair bits. codes: packed_bytes(n, 1 + m) bytes; exponents: ⌈n/block⌉ bytes; shifts:
/// packed_bytes(pairs(n), 1) bytes. Complexity O(n).
inline void quantize_microexponent(const float* x, std::ptrdiff_t n, const microexponent_format& format,
                                   std::uint8_t* codes, std::uint8_t* exponents, std::uint8_t* shifts,
                                   caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && detail::is_common(format)) {
        const bool wide = includes(active_isa(), isa::avx512);
        const auto run = format.pair > 0 ? wide ? detail::lanes_avx512::quantize_microexponent<true>
                                                : detail::lanes_avx2::quantize_microexponent<true>
                         : wide ? detail::lanes_avx512::quantize_microexponent<false>
                                         : detail::lanes_avx2::quantize_microexponent<false>;
        return run(x, n, format, codes, exponents, shifts, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::quantize_microexponent(x, n, format, codes, exponents, shifts);
}

/// Codes, exponents and pair bits to n values. Any bytes are valid. Complexity O(n).
inline void dequantize_microexponent(const std::uint8_t* codes, const std::uint8_t* exponents,
                                     const std::uint8_t* shifts, std::ptrdiff_t n, const microexponent_format& format,
                                     float* x, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && detail::is_common(format)) {
        const bool wide = includes(active_isa(), isa::avx512);
        const auto run = format.pair > 0 ? wide ? detail::lanes_avx512::dequantize_microexponent<true>
                                                : detail::lanes_avx2::dequantize_microexponent<true>
                         : wide ? detail::lanes_avx512::dequantize_microexponent<false>
                                         : detail::lanes_avx2::dequantize_microexponent<false>;
        return run(codes, exponents, shifts, n, format, x, how);
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_microexponent(codes, exponents, shifts, n, format, x);
}

}  // namespace lowbit
