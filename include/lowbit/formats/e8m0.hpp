// SPDX-License-Identifier: Apache-2.0
/// @file
/// E8M0, the block scale of OCP Microscaling v1.0 (section 5.4.1): an exponent alone.
///
///     value = 2^(b − 127) for b = 0 … 254;  b = 255 is NaN
///
/// There is no zero, no sign and no infinity.
#pragma once

#include <bit>
#include <cstdint>

namespace lowbit {

/// A power of two in one byte. A trivial value; comparison is of codes.
class e8m0 {
public:
    static constexpr int bias = 127, min_exponent = -127, max_exponent = 127;

    /// 2^−127, the smallest.
    constexpr e8m0() = default;

    static constexpr e8m0 from_bits(std::uint8_t code) {
        e8m0 scale;
        scale.code_ = code;
        return scale;
    }

    /// 2^exponent, clamped to the ends of the range.
    static constexpr e8m0 from_exponent(int exponent) {
        const int clamped = exponent < min_exponent ? min_exponent : exponent > max_exponent ? max_exponent : exponent;
        return from_bits(static_cast<std::uint8_t>(clamped + bias));
    }

    static constexpr e8m0 nan() { return from_bits(255); }

    constexpr std::uint8_t to_bits() const { return code_; }
    constexpr bool is_nan() const { return code_ == 255; }
    /// The exponent of the power of two; of no meaning for NaN.
    constexpr int exponent() const { return code_ - bias; }

    /// Exact. 2^−127 is a subnormal float: scale by exponents, not by this, where a program may flush those to zero.
    explicit constexpr operator float() const {
        return std::bit_cast<float>(code_ == 255 ? 0x7fc00000u : code_ == 0 ? 0x400000u : std::uint32_t{code_} << 23);
    }

    bool operator==(const e8m0&) const = default;

private:
    std::uint8_t code_ = 0;
};

}  // namespace lowbit
