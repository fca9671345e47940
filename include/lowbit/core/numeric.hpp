// SPDX-License-Identifier: Apache-2.0
/// @file
/// Rounding, float bits and checked integer arithmetic: the primitives that everything above must share, so that a
/// tie, a NaN or an overflow means the same thing everywhere.
#pragma once

#include <lowbit/core/error.hpp>

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace lowbit {

/// What happens to a value exactly halfway between two codes.
enum class ties {
    even,  ///< to the even neighbour (IEEE 754 default; the library's default)
    away,  ///< away from zero (TFLite)
};

/// The nearest integer, as a float. Any finite or infinite x; NaN stays NaN.
inline float round_to_integer(float x, ties rule = ties::even) {
    return rule == ties::even ? std::nearbyint(x) : std::round(x);
}

/// NaN by its bits: holds under -ffast-math too, where `x != x` does not.
constexpr bool is_nan(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) > 0x7f800000u; }

/// Neither NaN nor infinite, by the bits.
constexpr bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7f800000u) != 0x7f800000u; }

/// Neither NaN nor infinite, by the bits.
constexpr bool is_finite(double x) {
    return (std::bit_cast<std::uint64_t>(x) & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

/// floor(log2 |x|) from the bits, for finite x ≠ 0; subnormals included. Never from a logarithm, which rounds up
/// one ulp below a power of two.
constexpr int floor_log2(float x) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
    const int biased = static_cast<int>(magnitude >> 23);
    return biased != 0 ? biased - 127 : -118 - std::countl_zero(magnitude);
}

/// ⌈a / b⌉ for a ≥ 0, b > 0.
template <std::integral Integer>
constexpr Integer ceil_div(Integer a, Integer b) {
    return static_cast<Integer>((a + b - 1) / b);
}

/// a · b, or an error that names `what` where the product leaves the type.
template <std::integral Integer>
Integer checked_multiply(Integer a, Integer b, const char* what) {
    Integer product{};
    check(!__builtin_mul_overflow(a, b, &product), what, ": ", a, " x ", b, " does not fit in ",
          int(sizeof(Integer) * 8), " bits");
    return product;
}

/// a + b, or an error that names `what` where the sum leaves the type.
template <std::integral Integer>
Integer checked_add(Integer a, Integer b, const char* what) {
    Integer sum{};
    check(!__builtin_add_overflow(a, b, &sum), what, ": ", a, " + ", b, " does not fit in ", int(sizeof(Integer) * 8),
          " bits");
    return sum;
}

/// The value in the range of Narrow, saturated at its ends.
template <std::integral Narrow, std::integral Wide>
constexpr Narrow saturate(Wide value) {
    constexpr Wide lowest = std::numeric_limits<Narrow>::min(), highest = std::numeric_limits<Narrow>::max();
    return static_cast<Narrow>(value < lowest ? lowest : value > highest ? highest : value);
}

}  // namespace lowbit
