// SPDX-License-Identifier: Apache-2.0
/// @file
/// Floating-point numbers of at most 16 bits: sign, E exponent bits, M mantissa bits.
///
///     value = (−1)^s · 2^(e − bias) · 1.m      for an exponent field e > 0
///     value = (−1)^s · 2^(1 − bias) · 0.m      for e = 0 (subnormals, always kept)
///
/// The element types of OCP Microscaling v1.0 (E4M3, E5M2, E3M2, E2M3, E2M1: its tables 1 to 5) and IEEE binary16 and
/// bfloat16 are names of one template. They differ in what the codes above the largest number mean (`specials`).
/// Encoding works on the bits of the float: the same result under every compiler flag and floating-point mode.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace lowbit {

/// What the codes with all exponent bits set mean.
enum class specials {
    none,      ///< numbers only: no infinity, no NaN (E2M1, E2M3, E3M2)
    nan_only,  ///< all exponent and mantissa bits set is NaN, the rest are numbers (E4M3, "fn" elsewhere)
    ieee,      ///< infinity and NaN as in IEEE 754 (E5M2, float16, bfloat16)
};

/// What a finite number beyond the largest one becomes. An infinity is not a finite number: it stays infinite, or
/// becomes NaN where only NaN exists, or the largest number where neither does.
enum class overflow {
    saturate,  ///< the largest number
    special,   ///< what the format has for it: infinity, NaN, or (with neither) the largest number
};

/// A number of 1 + E + M bits, stored in the low bits of an 8- or 16-bit integer. A trivial value; comparison is of
/// codes (so −0 differs from 0 and a NaN equals itself).
template <int E, int M, specials S = specials::ieee, int Bias = (1 << (E - 1)) - 1>
class minifloat {
    static_assert(E >= 2 && E <= 8 && M >= 1 && 1 + E + M <= 16, "minifloat: 2 to 8 exponent bits, at most 16 in all");
    static_assert(E < 8 || Bias == 127, "minifloat: with 8 exponent bits the bias is that of float32");

public:
    using storage = std::conditional_t<(1 + E + M <= 8), std::uint8_t, std::uint16_t>;

    static constexpr int exponent_bits = E, mantissa_bits = M, bits = 1 + E + M, bias = Bias;
    static constexpr int min_exponent = 1 - Bias;  ///< of the smallest normal number

    /// Codes without the sign bit: the largest number, infinity (ieee), the first NaN code.
    static constexpr std::uint32_t max_code = S == specials::none       ? (1u << (E + M)) - 1
                                              : S == specials::nan_only ? (1u << (E + M)) - 2
                                                                        : (((1u << E) - 1) << M) - 1;
    static constexpr std::uint32_t sign_bit = 1u << (E + M);
    /// floor(log2) of the largest number: "emax" of the OCP tables.
    static constexpr int max_exponent = static_cast<int>(max_code >> M) - Bias;

    constexpr minifloat() = default;

    /// The nearest number. A finite x beyond the largest saturates unless asked not to. A NaN keeps its sign and its
    /// leading payload bits; without a NaN it becomes −0 (as ml_dtypes does).
    explicit constexpr minifloat(float x, ties rule = ties::even, overflow beyond = overflow::saturate)
        : code_(encode(std::bit_cast<std::uint32_t>(x), rule, beyond)) {}

    /// The number with this code. Bits above the format's are dropped.
    static constexpr minifloat from_bits(std::uint32_t code) {
        minifloat number;
        number.code_ = static_cast<storage>(code & (2 * sign_bit - 1));
        return number;
    }

    static constexpr minifloat max() { return from_bits(max_code); }
    static constexpr minifloat min_normal() { return from_bits(1u << M); }
    static constexpr minifloat min_subnormal() { return from_bits(1); }

    /// The code: sign, exponent, mantissa from the top.
    constexpr storage to_bits() const { return code_; }

    constexpr bool is_nan() const {
        const std::uint32_t magnitude = code_ & (sign_bit - 1);
        return S == specials::nan_only ? magnitude > max_code : S == specials::ieee && magnitude > max_code + 1;
    }

    /// Exact: every number of the format is a float.
    explicit constexpr operator float() const { return std::bit_cast<float>(decode(code_)); }

    bool operator==(const minifloat&) const = default;

private:
    static constexpr storage encode(std::uint32_t x, ties rule, overflow beyond) {
        const std::uint32_t sign = (x >> 31) << (E + M), magnitude = x & 0x7fffffffu;
        if (magnitude >= 0x7f800000u) return static_cast<storage>(sign | encode_special(magnitude));

        // magnitude = significand · 2^(exponent − 23), the significand below 2^24; f32 subnormals need no leading bit.
        const int field = static_cast<int>(magnitude >> 23), exponent = field != 0 ? field - 127 : -126;
        const std::uint32_t significand = (magnitude & 0x7fffffu) | (field != 0 ? 0x800000u : 0u);
        const int below = exponent < min_exponent ? min_exponent - exponent : 0;  // how far into the subnormals
        const int shift = 23 - M + (below < M + 2 ? below : M + 2);               // at 25 and more only 0 is left

        const std::uint32_t half = 1u << (shift - 1);
        const std::uint32_t tie_to_even = rule == ties::even ? 1u - ((significand >> shift) & 1u) : 0u;
        const std::uint32_t rounded = (significand + half - tie_to_even) >> shift;
        // The leading bit of a normal number adds 1 to the exponent field, and so does a carry out of the mantissa.
        std::uint32_t code = (static_cast<std::uint32_t>(exponent + below - min_exponent) << M) + rounded;
        if (code > max_code) code = beyond == overflow::saturate || S == specials::none ? max_code : max_code + 1;
        return static_cast<storage>(sign | code);
    }

    /// Infinity and NaN, without the sign of a number.
    static constexpr std::uint32_t encode_special(std::uint32_t magnitude) {
        const bool nan = magnitude > 0x7f800000u;
        if constexpr (S == specials::none) {
            return nan ? sign_bit : max_code;
        } else if constexpr (S == specials::nan_only) {
            return max_code + 1;
        } else {
            if (!nan) return max_code + 1;
            const std::uint32_t payload = (magnitude & 0x7fffffu) >> (23 - M);
            return (max_code + 1) | (payload != 0 ? payload : 1u << (M - 1));
        }
    }

    static constexpr std::uint32_t decode(std::uint32_t code) {
        const std::uint32_t sign = (code >> (E + M)) << 31, magnitude = code & (sign_bit - 1);
        const std::uint32_t mantissa = magnitude & ((1u << M) - 1);
        if (S == specials::ieee && magnitude > max_code) return sign | 0x7f800000u | (mantissa << (23 - M));
        if (S == specials::nan_only && magnitude > max_code) return sign | 0x7fc00000u;
        if constexpr (E == 8) return sign | (magnitude << (23 - M));
        if (magnitude >= (1u << M)) return sign | ((magnitude << (23 - M)) + ((127u - Bias) << 23));
        if (magnitude == 0) return sign;
        const int width = 32 - std::countl_zero(mantissa);  // the leading bit of a subnormal becomes a float's
        const int exponent = min_exponent - M + width - 1;
        return sign | (static_cast<std::uint32_t>(exponent + 127) << 23) | ((mantissa << (24 - width)) & 0x7fffffu);
    }

    storage code_ = 0;
};

using float8_e4m3 = minifloat<4, 3, specials::nan_only>;  ///< ±448, NaN, no infinity
using float8_e5m2 = minifloat<5, 2>;                      ///< ±57344, infinity, NaN
using float6_e3m2 = minifloat<3, 2, specials::none>;      ///< ±28
using float6_e2m3 = minifloat<2, 3, specials::none>;      ///< ±7.5
using float4_e2m1 = minifloat<2, 1, specials::none>;      ///< 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives
using float16 = minifloat<5, 10>;                         ///< IEEE binary16: ±65504
using bfloat16 = minifloat<8, 7>;                         ///< the upper half of a float32

/// A type made by the `minifloat` template.
template <class T>
concept minifloat_type = requires(T x) {
    []<int E, int M, specials S, int B>(const minifloat<E, M, S, B>&) {}(x);
};

}  // namespace lowbit
