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

/// 0 or −0, by the bits: under -ffast-math NaN may compare equal to 0, and −0 pass for 0.
constexpr bool is_zero(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffu) == 0; }

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

/// x · 2^n, rounded once (ties to even), without a floating-point operation: subnormal results survive a processor that
/// flushes them to zero. NaN and infinity stay; results past the largest float become infinite.
constexpr float times_power_of_two(float x, int n) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), sign = bits & 0x80000000u, magnitude = bits ^ sign;
    if (magnitude == 0 || magnitude >= 0x7f800000u) return x;
    const int exponent = floor_log2(x), shifted = exponent + (n < -1000 ? -1000 : n > 1000 ? 1000 : n);
    // The significand with its leading bit at 23.
    std::uint32_t result =
        magnitude >= 0x800000u ? (magnitude & 0x7fffffu) | 0x800000u : magnitude << (-126 - exponent);
    if (shifted > 127) {
        result = 0x7f800000u;
    } else if (shifted >= -126) {
        result += static_cast<std::uint32_t>(shifted + 126) << 23;
    } else {
        const int drop = -126 - shifted < 25 ? -126 - shifted : 25;
        result = (result + (1u << (drop - 1)) - 1 + ((result >> drop) & 1u)) >> drop;
    }
    return std::bit_cast<float>(sign | result);
}

/// The same value, as far as the compiler can tell another one: a product that passes through here is rounded before
/// it is added to (no fused multiply-add), and a sum keeps its order, whatever the user's flags.
template <std::floating_point Float>
LOWBIT_ALWAYS_INLINE Float opaque(Float x) {
#if defined(__x86_64__)
    asm("" : "+x"(x));
#elif defined(__aarch64__)
    asm("" : "+w"(x));
#else
    asm("" : "+m"(x));
#endif
    return x;
}

/// a / b, correctly rounded: never a product with a reciprocal that -ffast-math would make of it. As IEEE 754 and every
/// vector have it, x / 0 is ±∞ or NaN, which sanitizers need not report.
template <std::floating_point Float>
__attribute__((no_sanitize("float-divide-by-zero"))) LOWBIT_ALWAYS_INLINE Float quotient(Float a, Float b) {
    return opaque(opaque(a) / opaque(b));
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
