// SPDX-License-Identifier: Apache-2.0
/// @file
/// float ↔ affine codes on raw memory: q = clamp(rint(x·(1/S)) + Z), x̂ = S·(q − Z).
///
/// The rule of torch's fake_quantize and of XNNPACK: multiply by the reciprocal, round, then add Z. (ONNX divides
/// instead.) Clamped in float before the cast, so ±Inf and any finite value land on an end code; NaN becomes Z.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/caching.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace lowbit {

/// One set of affine parameters, ready to encode with.
struct affine_grid {
    float inverse_scale = 1;  ///< 1/S, finite and positive
    std::int32_t zero_point = 0;
    std::int32_t lowest = -127, highest = 127;  ///< code range, |·| ≤ 2^16
    ties rule = ties::even;
};

/// The code of one value.
inline std::int32_t quantize_value(float x, const affine_grid& grid) {
    if (is_nan(x)) return grid.zero_point;
    const float rounded = round_to_integer(x * grid.inverse_scale, grid.rule);
    const float low = static_cast<float>(grid.lowest - grid.zero_point);
    const float high = static_cast<float>(grid.highest - grid.zero_point);
    const float clamped = rounded < low ? low : rounded > high ? high : rounded;
    return static_cast<std::int32_t>(clamped) + grid.zero_point;
}

/// The value of one code.
inline float dequantize_value(std::int32_t code, float scale, std::int32_t zero_point) {
    return static_cast<float>(code - zero_point) * scale;
}

namespace detail::scalar {

template <std::integral Code>
void quantize_affine(const float* x, std::ptrdiff_t n, const affine_grid& grid, Code* codes) {
    for (std::ptrdiff_t i = 0; i < n; ++i) codes[i] = static_cast<Code>(quantize_value(x[i], grid));
}

template <std::integral Code>
void dequantize_affine(const Code* codes, std::ptrdiff_t n, float scale, std::int32_t zero_point, float* x) {
    for (std::ptrdiff_t i = 0; i < n; ++i) x[i] = dequantize_value(codes[i], scale, zero_point);
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/quantize_avx2.inl>
#include <lowbit/kernels/isa/quantize_avx512.inl>
#endif

namespace lowbit {

/// A type of codes: one code each, in memory.
template <class Code>
concept code_integer = std::same_as<Code, std::int8_t> || std::same_as<Code, std::uint8_t> ||
    std::same_as<Code, std::int16_t> || std::same_as<Code, std::uint16_t> || std::same_as<Code, std::int32_t>;

/// n values to codes. Code holds the grid's range. Complexity O(n).
template <code_integer Code>
void quantize_affine(const float* x, std::ptrdiff_t n, const affine_grid& grid, Code* codes,
                     caching how = caching::keep) {
#if defined(__x86_64__)
    const bool even = grid.rule == ties::even;
    if (includes(active_isa(), isa::avx512)) {
        return even ? detail::lanes_avx512::quantize_affine<ties::even>(x, n, grid, codes, how)
                    : detail::lanes_avx512::quantize_affine<ties::away>(x, n, grid, codes, how);
    }
    if (includes(active_isa(), isa::avx2)) {
        return even ? detail::lanes_avx2::quantize_affine<ties::even>(x, n, grid, codes, how)
                    : detail::lanes_avx2::quantize_affine<ties::away>(x, n, grid, codes, how);
    }
#endif
    detail::scalar::quantize_affine(x, n, grid, codes);
}

/// n codes to values. Complexity O(n).
template <code_integer Code>
void dequantize_affine(const Code* codes, std::ptrdiff_t n, float scale, std::int32_t zero_point, float* x,
                       caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) {
        return detail::lanes_avx512::dequantize_affine(codes, n, scale, zero_point, x, how);
    }
    if (includes(active_isa(), isa::avx2)) {
        return detail::lanes_avx2::dequantize_affine(codes, n, scale, zero_point, x, how);
    }
#endif
    detail::scalar::dequantize_affine(codes, n, scale, zero_point, x);
}

}  // namespace lowbit
