// SPDX-License-Identifier: Apache-2.0
/// @file
/// float ↔ affine codes on raw memory: q = clamp(rint(x·(1/S)) + Z), x̂ = S·(q − Z).
///
/// The rule of torch's fake_quantize and of XNNPACK: multiply by the reciprocal, round, then add Z. (ONNX divides
/// instead.) Clamped in float before the cast, so ±Inf and any finite value land on an end code; NaN becomes Z.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <cstddef>
#include <cstdint>

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

/// n values to codes. Code holds the grid's range. Complexity O(n).
template <std::integral Code>
void quantize_affine(const float* x, std::ptrdiff_t n, const affine_grid& grid, Code* codes) {
    for (std::ptrdiff_t i = 0; i < n; ++i) codes[i] = static_cast<Code>(quantize_value(x[i], grid));
}

/// n codes to values. Complexity O(n).
template <std::integral Code>
void dequantize_affine(const Code* codes, std::ptrdiff_t n, float scale, std::int32_t zero_point, float* x) {
    for (std::ptrdiff_t i = 0; i < n; ++i) x[i] = dequantize_value(codes[i], scale, zero_point);
}

}  // namespace lowbit
