// SPDX-License-Identifier: Apache-2.0
/// @file
/// y = x·Wᵀ + b with float activations and weights quantized by any scheme: weights are dequantized eight rows at a
/// time and multiplied in float64, the plain way that faster products are measured against.
///
///     x [..., in],  W [out, ...] with in values in each row,  b [out] or empty,  y [..., out]
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/kernels/dot.hpp>
#include <lowbit/schemes/any.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

namespace lowbit {

namespace detail {

/// The sizes of a product of activations and weights. Errors: weights of fewer than two axes, sizes that differ.
struct linear_sizes {
    std::ptrdiff_t rows, in, out;
    tensor_shape result;

    linear_sizes(const tensor_shape& x, const tensor_shape& weights, std::size_t bias) {
        check(weights.rank() >= 2, "linear: weights ", to_string(weights), " need two axes, [out, in]");
        check(x.rank() >= 1, "linear: activations need an axis");
        out = weights[0];
        in = weights.size_between(1, weights.rank());
        check(x[x.rank() - 1] == in, "linear: activations ", to_string(x), " against weights ", to_string(weights),
              ": the last axis must be ", in);
        check(bias == 0 || static_cast<std::ptrdiff_t>(bias) == out, "linear: ", bias, " biases for ", out, " outputs");
        rows = x.size_between(0, x.rank() - 1);
        std::array<std::ptrdiff_t, tensor_shape::max_rank> extents{};
        std::copy(x.begin(), x.end(), extents.begin());
        extents[static_cast<std::size_t>(x.rank() - 1)] = out;
        result = tensor_shape(std::span<const std::ptrdiff_t>(extents.data(), static_cast<std::size_t>(x.rank())));
    }
};

/// Calls f(first output, number of outputs) for tiles of eight.
template <class Function>
void for_each_output_tile(std::ptrdiff_t out, const executor& exec, Function f) {
    exec.parallel_for(ceil_div(out, std::ptrdiff_t{8}),
                      [&](std::ptrdiff_t task) { f(task * 8, std::min<std::ptrdiff_t>(8, out - task * 8)); });
}

}  // namespace detail

/// x·Wᵀ + b. x: anything that `read` takes, converted to float32. The result does not depend on the executor.
/// Errors: sizes that do not match. Complexity O(rows·in·out).
template <class X, quantized_tensor Q>
tensor<float> linear(const X& x, const Q& weights, std::type_identity_t<std::span<const float>> bias = {},
                     const executor& exec = {}) {
    if constexpr (std::same_as<Q, any_quantized>) {
        return weights.visit([&](const auto& chosen) { return linear(x, chosen, bias, exec); });
    } else {
        const row_values<float> values = read_float(x);
        const detail::linear_sizes sizes(values.shape(), weights.shape(), bias.size());
        tensor<float> y(sizes.result);
        const auto multiply = [&](std::ptrdiff_t first, std::ptrdiff_t count, const float* w) {
            for (std::ptrdiff_t row = 0; row < sizes.rows; ++row) {
                for (std::ptrdiff_t i = 0; i < count; ++i) {
                    const double sum = dot(values.view().data() + row * sizes.in, w + i * sizes.in, sizes.in);
                    const float b = bias.empty() ? 0.0f : bias[static_cast<std::size_t>(first + i)];
                    y[row * sizes.out + first + i] = static_cast<float>(sum + static_cast<double>(b));
                }
            }
        };
        if constexpr (requires(float* to) { decode_rows(weights, sizes.in, sizes.in, to); }) {
            if (detail::is_last_axis(weights.shape(), block_axis(weights.scheme()))) {
                detail::for_each_output_tile(sizes.out, exec, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
                    aligned_vector<float> decoded(static_cast<std::size_t>(count * sizes.in));
                    decode_rows(weights, first, count, decoded.data());
                    multiply(first, count, decoded.data());
                });
                return y;
            }
        }
        // A user's scheme, or blocks along another axis: all rows at once.
        const tensor<float> decoded = dequantize(weights, exec);
        detail::for_each_output_tile(sizes.out, exec, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
            multiply(first, count, decoded.data() + first * sizes.in);
        });
        return y;
    }
}

}  // namespace lowbit
