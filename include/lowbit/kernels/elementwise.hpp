// SPDX-License-Identifier: Apache-2.0
/// @file
/// Integer operations that work value by value: addition, multiplication, rescaling (what a concatenation does to each
/// of its inputs) and 256-entry tables (any activation function of one variable).
///
/// Integers only; X, A, B and Y are int8 or uint8. In place is allowed. O(n).
#pragma once

#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/isa/gemm.hpp>
#include <lowbit/kernels/reference.hpp>

namespace lowbit {

/// y[i] = a[i] + b[i] as the stage says.
template <class A, class B, class Y>
void add(std::ptrdiff_t n, const A* a, const B* b, const add_stage& stage, Y* y) {
    std::ptrdiff_t done = 0;
    const detail::common_shift common(stage.a, stage.b);
    const int high = common.shift + (common.a_up > common.b_up ? common.a_up : common.b_up);
    if (high <= 20 && common.shift >= -31 && detail::small_zero(stage.zero_point)) {
        detail::elementwise_task task{.n = n};
        task.set_input(a, stage.a_zero, task.a, task.a_flip, task.a_offset);
        task.set_input(b, stage.b_zero, task.b, task.b_flip, task.b_offset);
        task.set_output(y, stage.zero_point, stage.clamp);
        done = detail::add_blocks_for(active_isa(), task, common);
    }
    for (; done < n; ++done) y[done] = reference::add<Y>(stage, a[done], b[done]);
}

/// y[i] = a[i]·b[i] as the stage says.
template <class A, class B, class Y>
void mul(std::ptrdiff_t n, const A* a, const B* b, const mul_stage& stage, Y* y) {
    std::ptrdiff_t done = 0;
    if (detail::small_zero(stage.zero_point)) {
        detail::elementwise_task task{.n = n};
        task.set_input(a, stage.a_zero, task.a, task.a_flip, task.a_offset);
        task.set_input(b, stage.b_zero, task.b, task.b_flip, task.b_offset);
        task.set_output(y, stage.zero_point, stage.clamp);
        done = detail::rescale_blocks_for(active_isa(), task, stage.product, true);
    }
    for (; done < n; ++done) y[done] = reference::mul<Y>(stage, a[done], b[done]);
}

/// One input of a concatenation: x[rows, width] rescaled into y, whose rows are y_stride values apart. Rows are what
/// comes before the axis of the concatenation, width is that axis and what comes after it.
template <class X, class Y>
void rescale_rows(std::ptrdiff_t rows, std::ptrdiff_t width, const X* x, const rescale_stage& stage, Y* y,
                  std::ptrdiff_t y_stride) {
    if (y_stride == width) width *= rows, rows = 1;
    for (std::ptrdiff_t row = 0; row < rows; ++row, x += width, y += y_stride) {
        std::ptrdiff_t done = 0;
        if (detail::small_zero(stage.zero_point)) {
            detail::elementwise_task task{.n = width};
            task.set_input(x, stage.x_zero, task.a, task.a_flip, task.a_offset);
            task.set_output(y, stage.zero_point, stage.clamp);
            done = detail::rescale_blocks_for(active_isa(), task, stage.factor, false);
        }
        for (; done < width; ++done) y[done] = reference::rescale_code<Y>(stage, x[done]);
    }
}

/// Codes from int32 accumulators [rows, channels]: the output stage alone. Bits as reference::requantize gives them.
template <class Y>
void requantize(std::ptrdiff_t rows, std::ptrdiff_t channels, const std::int32_t* acc, const output_stage& stage,
                Y* y) {
    if constexpr (sizeof(Y) == 1) {
        // Accumulator plus bias must stay in int32 for the vector code: it is only used without a bias.
        if (detail::small_zero(stage.zero_point) && stage.bias.empty() &&
            detail::requantize_for(active_isa(), rows, channels, acc, stage, reinterpret_cast<std::uint8_t*>(y),
                                   code_type_of<Y>))
            return;
    }
    reference::requantize(rows, channels, acc, stage, y);
}

/// y[i] = table[x[i]], the table being indexed by the byte: entry 0x80 is that of the int8 code −128.
template <class X, class Y>
void apply_table(std::ptrdiff_t n, const X* x, const Y* table, Y* y) {
    static_assert(sizeof(X) == 1 && sizeof(Y) == 1);
    std::ptrdiff_t i =
        detail::table_blocks_for(active_isa(), n, reinterpret_cast<const std::uint8_t*>(x),
                                 reinterpret_cast<const std::uint8_t*>(table), reinterpret_cast<std::uint8_t*>(y));
    for (; i < n; ++i) y[i] = table[static_cast<std::uint8_t>(x[i])];
}

}  // namespace lowbit
