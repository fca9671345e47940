// SPDX-License-Identifier: Apache-2.0
/// @file
/// In which float format a scheme stores its scales.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/minifloat.hpp>

#include <algorithm>
#include <cstddef>

namespace lowbit {

/// The stored form of scales: `:scale=f32|f16|bf16`.
enum class scale_type { f32, f16, bf16 };

/// Bytes of one scale.
constexpr std::ptrdiff_t scale_bytes(scale_type type) { return type == scale_type::f32 ? 4 : 2; }

/// The nearest scale that the type can hold and whose reciprocal is a finite float32: at least 2^−126 (float16: its
/// smallest value, 2^−24). A scale for values that are all zero (0) becomes 1. Errors: past the largest float16.
inline float storable_scale(double scale, scale_type type) {
    if (scale == 0) return 1.0f;
    const float exact = std::max(static_cast<float>(scale), 0x1p-126f);
    switch (type) {
        case scale_type::f16: {
            check(exact <= 65504.0f, "scale ", exact, " does not fit in float16 (largest 65504); use f32 or bf16");
            return std::max(static_cast<float>(float16(exact)), 0x1p-24f);
        }
        case scale_type::bf16:
            return static_cast<float>(bfloat16(exact));
        default:
            return exact;
    }
}

}  // namespace lowbit
