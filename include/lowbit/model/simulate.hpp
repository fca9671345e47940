// SPDX-License-Identifier: Apache-2.0
/// @file
/// The integer network in floating point, twice over.
///
/// `exact_step` keeps a layer's sums in float64, where products of codes are exact, and rounds them with the kernels'
/// multipliers: the codes of the integer network, every one. `fake_quantized_step` is what training simulates: values
/// instead of codes, weights and biases as they are stored, the result rounded to the output's grid; it may differ by
/// one code where a sum lies next to a tie.
#pragma once

#include <lowbit/model/float_run.hpp>
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/lower.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

template <class T>
const edge_codes& codes_of(const quantized_graph& q, T e) {
    return q.edges[static_cast<std::size_t>(e.node)];
}

/// (code − zero point)·scale of a layer's weights.
template <class T>
tensor<T> weight_values(const integer_weights& w, const tensor_shape& shape, bool scaled) {
    tensor<T> values(shape);
    const std::ptrdiff_t depth = shape.size() / shape[0];
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
        const T code = static_cast<T>(w.code(i) - w.zero_point(i / depth));
        values[i] = scaled ? code * static_cast<T>(w.scales[static_cast<std::size_t>(i / depth)]) : code;
    }
    return values;
}

}  // namespace detail

/// The codes of one step, from codes, by exact arithmetic in float64. T: int8 or uint8. Inputs: one per step.inputs.
template <class T>
tensor<T> exact_step(const quantized_graph& q, const integer_step& step, std::span<const tensor_view<const T>> inputs,
                     const executor& pool = {}) {
    const node& n = q.network[step.node];
    const std::ptrdiff_t batch = inputs[0].shape()[0];
    tensor<T> y(with_batch(n.shape, batch));
    if (!n.has_weights()) {
        apply_step(
            q.network, step, batch, [&](std::size_t i) { return inputs[i].data(); }, y.data(), pool);
        return y;
    }
    tensor<double> x(with_batch(q.network[n.inputs[0]].shape, batch)), sums(y.shape());
    const std::int32_t zero = detail::codes_of(q, step.inputs[0]).params.zero_point;
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x[i] = inputs[0][i] - zero;
    const auto weights = detail::weight_values<double>(step.weights, n.weights.shape(), false);
    detail::apply_layer<double>(n, {weights, {}}, x, sums, pool);
    const output_stage stage = step.stage(detail::codes_of(q, step.output), q.rounding);
    const std::ptrdiff_t channels = n.weights.shape()[0];
    for (std::ptrdiff_t i = 0; i < y.size(); ++i)
        y[i] = apply_stage<T>(stage, static_cast<std::int64_t>(sums[i]), i % channels);
    return y;
}

/// The codes of one step, from codes, by float32 arithmetic on the values that they stand for.
template <class T>
tensor<T> fake_quantized_step(const quantized_graph& q, const integer_step& step,
                              std::span<const tensor_view<const T>> inputs, const executor& pool = {}) {
    const node& n = q.network[step.node];
    const std::ptrdiff_t batch = inputs[0].shape()[0];
    std::vector<tensor<float>> values;
    std::vector<tensor_view<const float>> views;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const affine_params& params = detail::codes_of(q, step.inputs[i]).params;
        tensor<float>& x = values.emplace_back(with_batch(q.network[n.inputs[i]].shape, batch));
        dequantize_affine(inputs[i].data(), x.size(), params.scale, params.zero_point, x.data());
    }
    views.reserve(values.size());
    for (const tensor<float>& x : values) views.push_back(x.view());
    tensor<float> y(with_batch(n.shape, batch));
    if (n.has_weights()) {
        const auto weights = detail::weight_values<float>(step.weights, n.weights.shape(), true);
        tensor<float> bias({n.weights.shape()[0]});
        const double scale = double{detail::codes_of(q, step.inputs[0]).params.scale};
        for (std::ptrdiff_t c = 0; c < bias.size(); ++c) {
            const auto at = static_cast<std::size_t>(c);
            bias[c] = static_cast<float>(step.weights.bias[at] * scale * double{step.weights.scales[at]});
        }
        detail::apply_layer<float>(n, {weights, bias}, views[0], y, pool);
    } else {
        y = evaluate(n, views, pool);
    }
    tensor<T> codes(y.shape());
    const edge_codes& to = detail::codes_of(q, step.output);
    const std::ptrdiff_t channels = n.shape[n.shape.rank() - 1];
    for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
        const code_range& clamp = step.clamp[step.clamp.size() == 1 ? 0 : static_cast<std::size_t>(i % channels)];
        codes[i] = detail::clamp_code<T>(to.encode(y[i]), clamp);
    }
    return codes;
}

/// Runs the network by `exact_step`, freely from its input to its end: every edge's codes are shown. T: int8 or uint8,
/// as the network's codes are. x: a batch of its only input.
template <class T>
void simulate(const quantized_graph& q, tensor_view<const float> x, const code_observer& observe,
              const executor& pool = {}) {
    const std::vector<integer_step> steps = lower(q);
    const auto inputs = q.network.inputs();
    check(inputs.size() == 1 && std::is_signed_v<T> == q.edges[0].scheme.is_signed,
          "simulate: takes networks with one input, and the type of their codes");
    std::vector<tensor<T>> codes(q.edges.size());
    const auto at = [&](edge e) -> tensor<T>& { return codes[static_cast<std::size_t>(e.node)]; };
    const auto show = [&](edge e) {
        observe(e, q.network[e], code_view(at(e).data(), std::is_signed_v<T>, at(e).shape()));
    };
    at(inputs[0]) = tensor<T>(x.shape());
    quantize_affine(x.data(), x.size(), detail::codes_of(q, inputs[0]).grid(), at(inputs[0]).data());
    show(inputs[0]);
    for (const integer_step& step : steps) {
        std::vector<tensor_view<const T>> from;
        for (const edge e : step.inputs) from.push_back(std::as_const(at(e)).view());
        at(step.output) = exact_step<T>(q, step, from, pool);
        show(step.output);
    }
}

}  // namespace lowbit
