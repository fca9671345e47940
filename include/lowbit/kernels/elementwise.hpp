// SPDX-License-Identifier: Apache-2.0
/// @file
/// Integer operations that work value by value: addition, multiplication, rescaling (what a concatenation does to each
/// of its inputs) and 256-entry tables (any activation function of one variable).
///
/// Integers only; X, A, B and Y are int8 or uint8. In place is allowed. O(n).
#pragma once

#include <lowbit/kernels/requantize.hpp>

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

/// Two multipliers brought to one shift: a·m_a·2^up_a + b·m_b·2^up_b, times 2^(shift−31).
/// The larger one moves up by as many as 22 bits (9-bit operands leave room for them in 64), which is exact; where the
/// shifts are further apart, the smaller one loses the bits that are below 2^-52 of the larger.
struct common_shift {
    std::int64_t a = 0, b = 0;
    int shift = 0;

    constexpr common_shift(multiplier first, multiplier second) : a(first.m0), b(second.m0) {
        if (a == 0) first.shift = second.shift;
        if (b == 0) second.shift = first.shift;
        const bool first_larger = first.shift >= second.shift;
        std::int64_t &larger = first_larger ? a : b, &smaller = first_larger ? b : a;
        const int high = first_larger ? first.shift : second.shift, low = first_larger ? second.shift : first.shift;
        const int apart = high - low, up = apart < 22 ? apart : 22, down = apart - up < 40 ? apart - up : 40;
        larger *= std::int64_t{1} << up;
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
    const std::int64_t sum = (a - stage.a_zero) * common.a + (b - stage.b_zero) * common.b;
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

/// y[i] = a[i] + b[i] as the stage says.
template <class A, class B, class Y>
void add(std::ptrdiff_t n, const A* a, const B* b, const add_stage& stage, Y* y) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = reference::add<Y>(stage, a[i], b[i]);
}

/// y[i] = a[i]·b[i] as the stage says.
template <class A, class B, class Y>
void mul(std::ptrdiff_t n, const A* a, const B* b, const mul_stage& stage, Y* y) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = reference::mul<Y>(stage, a[i], b[i]);
}

/// One input of a concatenation: x[rows, width] rescaled into y, whose rows are y_stride values apart. Rows are what
/// comes before the axis of the concatenation, width is that axis and what comes after it.
template <class X, class Y>
void rescale_rows(std::ptrdiff_t rows, std::ptrdiff_t width, const X* x, const rescale_stage& stage, Y* y,
                  std::ptrdiff_t y_stride) {
    for (std::ptrdiff_t row = 0; row < rows; ++row, x += width, y += y_stride)
        for (std::ptrdiff_t i = 0; i < width; ++i) y[i] = reference::rescale_code<Y>(stage, x[i]);
}

/// y[i] = table[x[i]], the table being indexed by the byte: entry 0x80 is that of the int8 code −128.
template <class X, class Y>
void apply_table(std::ptrdiff_t n, const X* x, const Y* table, Y* y) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = table[static_cast<std::uint8_t>(x[i])];
}

}  // namespace lowbit
