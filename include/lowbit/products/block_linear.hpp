// SPDX-License-Identifier: Apache-2.0
/// @file
/// y = x·Wᵀ + b in the low-bit numbers themselves, plain and exact as the papers define it; what faster kernels are
/// measured against.
///
///     dynamic int8   x in int8, quantized on the fly in the groups of W; W affine int2 … int8, per channel or group
///                    y = Σ_g S_x(g)·S_w(g)·Σ_i q_x·(q_w − Z_w)
///     VS-Quant       y = γ_x·γ_w·Σ_v s_x(v)·s_w(v)·Σ_i q_x·q_w, integers up to the product with γ
///     OCP MX         y = Σ_j X_x(j)·X_w(j)·Σ_i x_i·w_i (DotGeneral of the standard)
///
///     x [..., in],  W [out, ...] with in values in each row,  b [out] or empty,  y [..., out]
#pragma once

#include <lowbit/kernels/dot.hpp>
#include <lowbit/products/linear.hpp>
#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/ocp_mx.hpp>
#include <lowbit/schemes/vsq.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lowbit {

namespace detail {

/// y[row, out] = f(row, out) + b[out], rounded once to float32.
template <class Function>
tensor<float> linear_of(const linear_sizes& sizes, std::span<const float> bias, const executor& exec, Function f) {
    tensor<float> y(sizes.result);
    for_each_output_tile(sizes.out, exec, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
        for (std::ptrdiff_t row = 0; row < sizes.rows; ++row) {
            for (std::ptrdiff_t i = first; i < first + count; ++i) {
                const float b = bias.empty() ? 0.0f : bias[static_cast<std::size_t>(i)];
                y[row * sizes.out + i] =
                    static_cast<float>(opaque(static_cast<double>(f(row, i))) + static_cast<double>(b));
            }
        }
    });
    return y;
}

/// The group size along `in` of weights whose groups run along it. Errors: another granularity.
inline std::ptrdiff_t group_along_input(const affine_tensor& weights, std::ptrdiff_t in) {
    const granularity& how = weights.scheme().granularity;
    const bool group = how.kind == sharing::group && is_last_axis(weights.shape(), how.axis);
    const bool channel = how.kind == sharing::channel && weights.shape().checked_axis(how.axis) == 0;
    check(how.kind == sharing::tensor || channel || (group && weights.shape().rank() == 2),
          "dynamic_linear: weights must be quantized per tensor, per channel of axis 0, or in groups of the last of "
          "two axes");
    return group ? std::min(how.size, std::max<std::ptrdiff_t>(in, 1)) : std::max<std::ptrdiff_t>(in, 1);
}

}  // namespace detail

/// x·Wᵀ + b with int8 activations: each group of a row of x gets S = max|x|/127 and codes in [−127, 127], ties to even.
/// weights: at most 8 bits, symmetric or not. Errors: sizes that do not match, weights of another granularity, values
/// of x that are not finite. Complexity O(rows·in·out).
template <class X>
tensor<float> dynamic_linear(const X& x, const affine_tensor& weights, std::span<const float> bias = {},
                             const executor& exec = {}) {
    const row_values<float> values = read_float(x);
    const detail::linear_sizes sizes(values.shape(), weights.shape(), bias.size());
    check(weights.scheme().bits <= 8, "dynamic_linear: weights of ", weights.scheme().bits, " bits; at most 8");
    const std::ptrdiff_t group = detail::group_along_input(weights, sizes.in);
    const std::ptrdiff_t groups = ceil_div(sizes.in, group);
    const affine_tensor activations = quantize(values.view().reshaped({sizes.rows, sizes.in}),
                                               affine{.bits = 8, .granularity = per_group(1, group)}, exec);
    const tensor<std::int32_t> q_x = activations.codes(), q_w = weights.codes();
    const partition weight_sets(weights.shape(), weights.scheme().granularity);
    return detail::linear_of(sizes, bias, exec, [&](std::ptrdiff_t row, std::ptrdiff_t out) {
        double sum = 0;
        for (std::ptrdiff_t g = 0; g < groups; ++g) {
            const std::ptrdiff_t first = g * group, count = std::min(group, sizes.in - first);
            const auto w = weights.params()[static_cast<std::size_t>(weight_sets.set_of(out * sizes.in + first))];
            const float s_x = activations.params()[static_cast<std::size_t>(row * groups + g)].scale;
            std::int64_t dot = 0;
            for (std::ptrdiff_t i = first; i < first + count; ++i) {
                dot += std::int64_t{q_x[row * sizes.in + i]} * (q_w[out * sizes.in + i] - w.zero_point);
            }
            const double scale = static_cast<double>(s_x) * static_cast<double>(w.scale);  // exact
            sum = opaque(sum + opaque(scale * static_cast<double>(dot)));
        }
        return sum;
    });
}

/// x·Wᵀ + b of two VS-Quant tensors with the same vector length: integers up to the product with γ_x·γ_w.
/// Errors: sizes that do not match; other vector lengths. Complexity O(rows·in·out).
inline tensor<float> linear(const vsq_tensor& x, const vsq_tensor& weights, std::span<const float> bias = {},
                            const executor& exec = {}) {
    const detail::linear_sizes sizes(x.shape(), weights.shape(), bias.size());
    const std::ptrdiff_t vector = weights.scheme().vector;
    check(x.scheme().vector == vector, "linear: vectors of ", x.scheme().vector, " against vectors of ", vector);
    check(weights.shape().rank() == 2, "linear: vectors of ", to_string(weights.shape()),
          " run along its last axis only; reshape it to [out, in] before quantizing");
    const std::ptrdiff_t per_line = ceil_div(sizes.in, vector);
    const auto unpack = [](const packed_codes& packed) { return packed.unpack({packed.size()}); };
    const tensor<std::int32_t> q_x = unpack(x.packed()), q_w = unpack(weights.packed());
    const tensor<std::int32_t> s_x = unpack(x.scales().vectors), s_w = unpack(weights.scales().vectors);
    const auto gamma = [](const vsq_tensor& t, std::ptrdiff_t line, std::ptrdiff_t length) {
        const std::ptrdiff_t channel =
            line * length / std::max<std::ptrdiff_t>(detail::values_of_gamma(t.scheme(), t.shape()), 1);
        return static_cast<double>(t.scales().gamma[static_cast<std::size_t>(channel)]);
    };
    return detail::linear_of(sizes, bias, exec, [&](std::ptrdiff_t row, std::ptrdiff_t out) {
        const std::int64_t sum = vsq_dot(q_x.data() + row * sizes.in, s_x.data() + row * per_line,
                                         q_w.data() + out * sizes.in, s_w.data() + out * per_line, sizes.in, vector);
        return opaque(gamma(x, row, sizes.in) * gamma(weights, out, sizes.in)) * static_cast<double>(sum);
    });
}

/// x·Wᵀ + b of two OCP MX tensors with blocks along the last axis, of the same or different element types. A NaN block
/// gives NaN. Errors: sizes that do not match; blocks along another axis. Complexity O(rows·in·out).
inline tensor<float> linear(const mx_tensor& x, const mx_tensor& weights, std::span<const float> bias = {},
                            const executor& exec = {}) {
    const detail::linear_sizes sizes(x.shape(), weights.shape(), bias.size());
    check(detail::is_last_axis(x.shape(), x.scheme().axis) &&
              detail::is_last_axis(weights.shape(), weights.scheme().axis) && weights.shape().rank() == 2,
          "linear: MX blocks must run along the last axis of x and of [out, in]");
    const auto elements = [](const mx_tensor& t) {
        const std::vector<std::uint8_t> ones(static_cast<std::size_t>(ceil_div(t.shape().size(), mx_format::block)),
                                             e8m0::from_exponent(0).to_bits());
        tensor<float> values(t.shape());
        dequantize_mx(t.packed().bytes().data(), ones.data(), values.size(), t.scheme().element, values.data());
        return values;
    };
    const tensor<float> x_elements = elements(x), w_elements = elements(weights);
    const std::ptrdiff_t per_line = ceil_div(sizes.in, mx_format::block);
    return detail::linear_of(sizes, bias, exec, [&](std::ptrdiff_t row, std::ptrdiff_t out) {
        return mx_dot(x_elements.data() + row * sizes.in, x.scales().data() + row * per_line,
                      w_elements.data() + out * sizes.in, weights.scales().data() + out * per_line, sizes.in,
                      mx_format::block);
    });
}

}  // namespace lowbit
