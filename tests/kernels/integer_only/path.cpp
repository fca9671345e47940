// SPDX-License-Identifier: Apache-2.0
// Compiled with -mgeneral-regs-only where the compiler's standard library allows it: a floating-point or vector
// register anywhere in here is a compile error.
#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/reference.hpp>

namespace integer_only {

/// conv2d 3x3 → max pool 2x2 → add with the pooled input → global average → linear; 8x8x2 in, 3 out.
void run(const std::int8_t* x, const std::int8_t* w1, const std::int8_t* w2, const std::int32_t* bias, std::int8_t* y) {
    const lowbit::multiplier factor{1717986918, -6};
    const lowbit::output_stage first{.bias = {bias, 2}, .multipliers = {&factor, 1}, .zero_point = -3};
    const lowbit::output_stage second{.bias = {bias, 3}, .multipliers = {&factor, 1}, .zero_point = 7};
    const lowbit::window2d same{
        .kernel_height = 3, .kernel_width = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
    const lowbit::window2d half{.kernel_height = 2, .kernel_width = 2, .stride_height = 2, .stride_width = 2};
    std::int8_t conv[8 * 8 * 2], pooled[4 * 4 * 2], pooled_x[4 * 4 * 2], sum[4 * 4 * 2], mean[2];
    lowbit::reference::conv2d(1, {8, 8, 2, 2, same}, x, 4, w1, {}, first, conv);
    lowbit::reference::max_pool(1, {8, 8, 2, half}, conv, {}, pooled);
    lowbit::reference::average_pool(1, {8, 8, 2, half}, x, {}, pooled_x);
    for (int i = 0; i < 32; ++i)
        sum[i] = lowbit::reference::add<std::int8_t>({factor, {1 << 30, 1}, -3, 4, 0, {}}, pooled[i], pooled_x[i]);
    lowbit::reference::global_average_pool(1, 16, 2, sum, {}, mean);
    lowbit::reference::linear(1, {2, 3}, mean, 0, w2, {}, second, y);
}

}  // namespace integer_only
