// SPDX-License-Identifier: Apache-2.0
/// @file
/// What elementwise operations are told (their stages), their scalar definitions, and what the vector kernels are
/// handed. Public through kernels/elementwise.hpp and pooling.hpp.
#pragma once

#include <lowbit/kernels/layer.hpp>

#include <cstring>

namespace lowbit {

/// Quantized addition: q_y = clamp(Z_y + (q_a − Z_a)·M_a + (q_b − Z_b)·M_b), M_a = S_a/S_y, M_b = S_b/S_y.
/// The products are summed in 64 bits at a common shift and rounded once, halves toward +infinity.
struct add_stage {
    multiplier a = {}, b = {};
    std::int32_t a_zero = 0, b_zero = 0, zero_point = 0;
    code_range clamp = {};
};

/// Quantized product: q_y = clamp(Z_y + rescale((q_a − Z_a)(q_b − Z_b), M)), M = S_a·S_b/S_y.
struct mul_stage {
    multiplier product = {};
    std::int32_t a_zero = 0, b_zero = 0, zero_point = 0;
    code_range clamp = {};
};

/// From one scale and zero point to another: q_y = clamp(Z_y + rescale(q_x − Z_x, M)), M = S_x/S_y.
struct rescale_stage {
    multiplier factor = {};
    std::int32_t x_zero = 0, zero_point = 0;
    code_range clamp = {};
};

namespace detail {

/// Two multipliers brought to one shift: (x·a·2^a_up + y·b·2^b_up)·2^(shift−31).
/// The larger one moves up by as many as 22 bits (9-bit operands leave room for them in 64), which is exact; where the
/// shifts are further apart, the smaller one loses the bits that are below 2^-52 of the larger.
struct common_shift {
    std::int64_t a = 0, b = 0;
    int a_up = 0, b_up = 0, shift = 0;

    constexpr common_shift(multiplier first, multiplier second) : a(first.m0), b(second.m0) {
        if (a == 0) first.shift = second.shift;
        if (b == 0) second.shift = first.shift;
        const bool first_larger = first.shift >= second.shift;
        std::int64_t& smaller = first_larger ? b : a;
        const int high = first_larger ? first.shift : second.shift, low = first_larger ? second.shift : first.shift;
        const int apart = high - low, up = apart < 22 ? apart : 22, down = apart - up < 40 ? apart - up : 40;
        (first_larger ? a_up : b_up) = up;
        if (down > 0) smaller = (smaller + (std::int64_t{1} << (down - 1))) >> down;
        shift = high - up;
    }
};

}  // namespace detail

namespace reference {

/// One addition of codes; normative.
template <class Y, class A, class B>
constexpr Y add(const add_stage& stage, A a, B b) {
    const lowbit::detail::common_shift common(stage.a, stage.b);
    const std::int64_t sum = (a - stage.a_zero) * common.a * (std::int64_t{1} << common.a_up) +
                             (b - stage.b_zero) * common.b * (std::int64_t{1} << common.b_up);
    const std::int64_t scaled = lowbit::detail::scale_product<requant_rounding::single>(sum, common.shift);
    return lowbit::detail::clamp_code<Y>(scaled + stage.zero_point, stage.clamp);
}

/// One multiplication of codes; normative.
template <class Y, class A, class B>
constexpr Y mul(const mul_stage& stage, A a, B b) {
    const std::int32_t product = (a - stage.a_zero) * (b - stage.b_zero);
    return lowbit::detail::clamp_code<Y>(std::int64_t{rescale(product, stage.product)} + stage.zero_point, stage.clamp);
}

/// One code moved to another scale; normative.
template <class Y, class X>
constexpr Y rescale_code(const rescale_stage& stage, X x) {
    const std::int32_t scaled = rescale(std::int32_t{x} - stage.x_zero, stage.factor);
    return lowbit::detail::clamp_code<Y>(std::int64_t{scaled} + stage.zero_point, stage.clamp);
}

}  // namespace reference

namespace detail {

/// Elementwise work as the vector kernels see it: bytes, XOR 0x80 where they are int8. `a_offset` is what the zero
/// point is of such bytes; zero points and clamps of outputs are those of int8 (less 128 for uint8).
struct elementwise_task {
    const std::uint8_t *a = nullptr, *b = nullptr;
    std::uint8_t* y = nullptr;
    std::ptrdiff_t n = 0;
    std::uint8_t a_flip = 0, b_flip = 0, y_flip = 0;
    std::int32_t a_offset = 0, b_offset = 0, zero = 0;
    std::int8_t lowest = -128, highest = 127;

    template <class Y>
    void set_output(Y* to, std::int32_t zero_point, code_range clamp) {
        y = reinterpret_cast<std::uint8_t*>(to);
        const std::int32_t offset = code_type_of<Y> == code_type::u8 ? 128 : 0;
        y_flip = static_cast<std::uint8_t>(offset);
        zero = zero_point - offset;
        lowest = clamp_code<std::int8_t>(std::int64_t{clamp.lowest} - offset);
        highest = clamp_code<std::int8_t>(std::int64_t{clamp.highest} - offset);
    }
    template <class X>
    static void set_input(const X* from, std::int32_t zero_point, const std::uint8_t*& x, std::uint8_t& flip,
                          std::int32_t& offset) {
        x = reinterpret_cast<const std::uint8_t*>(from);
        flip = code_type_of<X> == code_type::s8 ? 0x80 : 0;
        offset = zero_point + (code_type_of<X> == code_type::s8 ? 128 : 0);
    }
};

/// Largest and smallest zero point that the vector kernels add in 16 bits without it mattering where they saturate.
constexpr bool small_zero(std::int32_t zero) { return zero >= -1024 && zero <= 1024; }

/// One window of an image for pooling, and the output pixel.
struct pool_task {
    const std::uint8_t* x = nullptr;
    std::uint8_t* y = nullptr;
    std::ptrdiff_t width = 0, channels = 0;                   ///< of x
    std::ptrdiff_t top = 0, bottom = 0, left = 0, right = 0;  ///< the window: rows [top, bottom), columns [left, right)
    std::uint8_t flip = 0;
    std::uint8_t lowest = 0, highest = 255;  ///< of bytes after the flip
};

}  // namespace detail
}  // namespace lowbit
