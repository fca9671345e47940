// SPDX-License-Identifier: Apache-2.0
/// @file
/// A quantized network as steps that know integers only: what the integer run packs and its simulation follows.
///
/// Per layer with input scale S_x, weight scales S_w[c] and output scale S_y (Jacob et al. 2018, section 2):
///
///     q_y = clamp(Z_y + rescale(Σ (q_x − Z_x)(q_w − Z_w) + q_b, M[c])),  q_b = b/(S_x·S_w[c]),  M[c] = S_x·S_w[c]/S_y
#pragma once

#include <lowbit/kernels/elementwise.hpp>
#include <lowbit/kernels/hadamard.hpp>
#include <lowbit/kernels/pooling.hpp>
#include <lowbit/kernels/shape.hpp>
#include <lowbit/model/quantized_graph.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// A layer's weights as the kernels take them: bytes, one scale and zero point per output channel, int32 biases.
struct integer_weights {
    bool is_signed = true;                    ///< codes are int8, else uint8
    aligned_vector<std::uint8_t> codes{};     ///< in the order of the weights
    std::vector<float> scales{};              ///< S_w[c]
    std::vector<std::int32_t> zero_points{};  ///< Z_w[c]; empty where all are 0
    std::vector<std::int32_t> bias{};         ///< q_b[c]

    std::int32_t code(std::ptrdiff_t i) const {
        const std::uint8_t byte = codes[static_cast<std::size_t>(i)];
        return is_signed ? static_cast<std::int8_t>(byte) : byte;
    }
    std::int32_t zero_point(std::ptrdiff_t channel) const {
        return zero_points.empty() ? 0 : zero_points[static_cast<std::size_t>(channel)];
    }
};

namespace detail {

/// The tensor itself where the kernels can compute on it: affine, at most 8 bits, per tensor or output channel. Every
/// other kind is stored as it is and computed as int8 per output channel.
inline affine_tensor computable(const any_quantized& weights) {
    return weights.visit([](const auto& q) -> affine_tensor {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(q)>, affine_tensor>) {
            const granularity& how = q.scheme().granularity;
            const bool by_output = how.kind == sharing::tensor || (how.kind == sharing::channel && how.axis == 0);
            if (q.scheme().bits <= 8 && by_output) return q;
        }
        return quantize(dequantize(q), affine{.bits = 8, .granularity = per_channel(0)});
    });
}

}  // namespace detail

/// Weights and bias as integers for an input scale. Where |b/(S_x·S_w[c])| would pass 2^30 (a nearly dead channel),
/// S_w[c] is raised until it does not, and the channel's codes are rounded anew.
inline integer_weights lower_weights(const quantized_layer& layer, float input_scale) {
    const affine_tensor q = detail::computable(layer.weights);
    const tensor<float>& bias = layer.bias;
    const affine& scheme = q.scheme();
    const std::ptrdiff_t channels = q.shape()[0], depth = q.shape().size() / channels;
    const tensor<std::int32_t> codes = q.codes();
    integer_weights result{.is_signed = scheme.is_signed};
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const affine_params& params = q.params()[q.params().size() == 1 ? 0 : static_cast<std::size_t>(c)];
        const double b = bias.empty() ? 0.0 : double{bias[c]}, limit = std::ldexp(double{input_scale}, 30);
        float scale = params.scale;
        if (std::abs(b) > limit * double{scale}) {
            scale = static_cast<float>(std::abs(b) / limit);
            if (std::abs(b) > limit * double{scale}) scale = std::nextafter(scale, std::numeric_limits<float>::max());
        }
        const edge_codes raised{scheme, {scale, params.zero_point}};
        for (std::ptrdiff_t i = c * depth; i < (c + 1) * depth; ++i) {
            const std::int32_t code = scale == params.scale
                                          ? codes[i]
                                          : raised.encode(dequantize_value(codes[i], params.scale, params.zero_point));
            result.codes.push_back(static_cast<std::uint8_t>(code));
        }
        result.scales.push_back(scale);
        result.zero_points.push_back(params.zero_point);
        result.bias.push_back(static_cast<std::int32_t>(std::nearbyint(b / (double{input_scale} * double{scale}))));
    }
    if (scheme.symmetric) result.zero_points.clear();
    return result;
}

/// One operation on codes. `node` says what; the fields that its kind needs are filled.
struct integer_step {
    edge node{};                            ///< in the network
    edge output{};                          ///< the edge whose codes it writes: the node's own, or its fused ReLU's
    std::vector<edge> inputs{};             ///< the edges whose codes it reads; reshapes and the like are skipped over
    integer_weights weights{};              ///< conv2d, depthwise_conv2d, linear
    std::vector<multiplier> multipliers{};  ///< the same; one per output channel
    std::vector<code_range> clamp{};        ///< the same: one, or one per output channel; add, mul, concat: one
    add_stage sum{};
    mul_stage product{};
    std::vector<rescale_stage> parts{};     ///< concat, one per input; hadamard: one
    std::array<std::uint8_t, 256> table{};  ///< activation, or a ReLU that could not be fused; indexed by the byte

    output_stage stage(const edge_codes& to, requant_rounding rounding) const {
        return {weights.bias, multipliers, to.params.zero_point, clamp, rounding};
    }
};

namespace detail {

/// The codes that an edge may take: all of its scheme's, less what the fused ReLU or ReLU6 cuts off. One for all
/// channels, or one for each.
inline std::vector<code_range> clamps_of(const edge_codes& codes, const node& owner) {
    code_range range{codes.scheme.lowest(), codes.scheme.highest()};
    if (owner.kind != op::relu && owner.kind != op::relu6) return {range};
    range.lowest = std::max(range.lowest, codes.params.zero_point);
    if (owner.kind == op::relu) return {range};
    range.highest = codes.encode(6.0f);
    std::vector<code_range> clamps(static_cast<std::size_t>(std::max<std::ptrdiff_t>(owner.ceiling.size(), 1)), range);
    for (std::ptrdiff_t c = 0; c < owner.ceiling.size(); ++c)
        clamps[static_cast<std::size_t>(c)].highest = codes.encode(owner.ceiling[c]);
    return clamps;
}

inline multiplier ratio(double numerator, float scale) { return make_multiplier(numerator / double{scale}); }

inline void lower_layer(const quantized_graph& q, integer_step& step, const edge_codes& from, const edge_codes& to) {
    step.weights = lower_weights(q.layers[static_cast<std::size_t>(step.node.node)], from.params.scale);
    for (const float scale : step.weights.scales)
        step.multipliers.push_back(ratio(double{from.params.scale} * double{scale}, to.params.scale));
}

inline std::array<std::uint8_t, 256> make_table(const node& n, const edge_codes& from, const edge_codes& to) {
    std::array<std::uint8_t, 256> table{};
    for (std::int32_t code = from.scheme.lowest(); code <= from.scheme.highest(); ++code) {
        const float x = from.decode(code);
        const float y = n.kind == op::relu    ? std::max(x, 0.0f)
                        : n.kind == op::relu6 ? std::clamp(x, 0.0f, 6.0f)
                                              : n.function.function(x);
        table[static_cast<std::uint8_t>(code)] = static_cast<std::uint8_t>(to.encode(y));
    }
    return table;
}

inline integer_step lower_node(const quantized_graph& q, edge at, edge output, std::vector<edge> inputs) {
    const node& n = q.network[at];
    integer_step step{.node = at, .output = output, .inputs = std::move(inputs)};
    const auto codes = [&](edge e) -> const edge_codes& { return q.edges[static_cast<std::size_t>(e.node)]; };
    const edge_codes& to = codes(output);
    const affine_params &y = to.params, &a = codes(step.inputs[0]).params, &b = codes(step.inputs.back()).params;
    step.clamp = clamps_of(to, q.network[output]);
    const code_range clamp = step.clamp[0];
    check(step.clamp.size() == 1 || (n.has_weights() && at != output), describe(q.network[output]),
          ": ceilings per channel can only be fused with a layer with weights");
    switch (n.kind) {
        case op::conv2d:
        case op::depthwise_conv2d:
        case op::linear:
            lower_layer(q, step, codes(step.inputs[0]), to);
            break;
        case op::add:
            step.sum = {ratio(double{a.scale}, y.scale),
                        ratio(double{b.scale}, y.scale),
                        a.zero_point,
                        b.zero_point,
                        y.zero_point,
                        clamp};
            break;
        case op::mul:
            step.product = {ratio(double{a.scale} * double{b.scale}, y.scale), a.zero_point, b.zero_point, y.zero_point,
                            clamp};
            break;
        case op::concat:
            for (const edge e : step.inputs) {
                const affine_params& x = codes(e).params;
                step.parts.push_back({ratio(double{x.scale}, y.scale), x.zero_point, y.zero_point, clamp});
            }
            break;
        case op::hadamard: {
            const tensor_shape& rows = n.shape;
            const auto block = static_cast<double>(n.rotation.block_of(rows[rows.rank() - 1]));
            step.parts.push_back(
                {ratio(double{a.scale} / std::sqrt(block), y.scale), a.zero_point, y.zero_point, clamp});
            break;
        }
        case op::relu:
        case op::relu6:
        case op::activation:
            step.table = make_table(n, codes(step.inputs[0]), to);
            break;
        default:
            break;
    }
    return step;
}

/// Softmax runs in float, after the network: nothing but outputs, reshapes and flattens may follow it.
inline void check_softmax(const graph& g) {
    std::vector<bool> after(g.nodes().size());
    for (int i = 0; i < g.size(); ++i) {
        const node& n = g[edge{i}];
        bool from_softmax = n.kind == op::softmax;
        for (const edge e : n.inputs) {
            if (!after[static_cast<std::size_t>(e.node)]) continue;
            check(n.kind == op::output || n.kind == op::flatten || n.kind == op::reshape, describe(n),
                  ": reads a softmax, which the integer network computes in float at its very end only");
            from_softmax = true;
        }
        after[static_cast<std::size_t>(i)] = from_softmax;
    }
}

}  // namespace detail

/// The network as steps on codes, in order. Errors: a batch norm (fold it first), a softmax that is not at the end,
/// codes of more than 8 bits, or of edges that differ in being signed.
inline std::vector<integer_step> lower(const quantized_graph& q) {
    const graph& g = q.network;
    check(q.edges.size() == g.nodes().size() && q.layers.size() == g.nodes().size(),
          "quantized graph: ", q.edges.size(), " edges and ", q.layers.size(), " layers for ", g.size(), " nodes");
    detail::check_softmax(g);
    const auto buffers = code_buffers(g);
    std::vector<integer_step> steps;
    for (int i = 0; i < g.size(); ++i) {
        const node& n = g[edge{i}];
        const edge_codes& codes = q.edges[static_cast<std::size_t>(i)];
        check(n.kind != op::batch_norm, describe(n), ": fold batch norms before quantizing (fold_batch_norms)");
        check(codes.scheme.bits <= 8 && codes.scheme.is_signed == q.edges[0].scheme.is_signed, describe(n),
              ": activations need codes of at most 8 bits, signed or unsigned throughout the network");
        const edge buffer = buffers[static_cast<std::size_t>(i)];
        const bool fused_relu = (n.kind == op::relu || n.kind == op::relu6) &&
                                buffers[static_cast<std::size_t>(n.inputs[0].node)] == edge{i};
        if (n.kind == op::input || fused_relu || buffer.node < i) continue;
        std::vector<edge> inputs;
        for (const edge e : n.inputs) inputs.push_back(buffers[static_cast<std::size_t>(e.node)]);
        steps.push_back(detail::lower_node(q, {i}, buffer, std::move(inputs)));
    }
    return steps;
}

namespace detail {

inline window2d kernel_window(const image_window& w) {
    return {w.size[0],        w.size[1],      w.stride[0],     w.stride[1],   w.padding.top,
            w.padding.bottom, w.padding.left, w.padding.right, w.dilation[0], w.dilation[1]};
}

/// Values of one sample.
inline std::ptrdiff_t sample_size(const node& n) { return n.shape.size_between(1, n.shape.rank()); }

}  // namespace detail

/// A step without weights on the codes of a batch: `input(i)` points at those of step.inputs[i], `outputs`
/// at those of step.output. T: int8 or uint8. Allocates nothing.
template <class T, class Input>
void apply_step(const graph& g, const integer_step& step, std::ptrdiff_t batch, const Input& input, T* outputs,
                const executor& pool = {}) {
    const node& n = g[step.node];
    const tensor_shape& in = g[n.inputs[0]].shape;
    const std::ptrdiff_t size = batch * detail::sample_size(n);
    const code_range clamp = step.clamp[0];
    const auto shape = [&] { return pool2d_shape{in[1], in[2], in[3], detail::kernel_window(n.window)}; };
    switch (n.kind) {
        case op::max_pool:
            max_pool(batch, shape(), input(0), outputs, clamp, pool);
            break;
        case op::average_pool:
            average_pool(batch, shape(), input(0), outputs, clamp, pool);
            break;
        case op::global_average_pool:
            global_average_pool(batch, in[1] * in[2], in[3], input(0), outputs, clamp, pool);
            break;
        case op::add:
            add(size, input(0), input(1), step.sum, outputs);
            break;
        case op::mul:
            mul(size, input(0), input(1), step.product, outputs);
            break;
        case op::concat: {
            const std::ptrdiff_t stride = n.shape.size_between(n.axis, n.shape.rank());
            for (std::size_t i = 0; i < n.inputs.size(); ++i) {
                const tensor_shape& part = g[n.inputs[i]].shape;
                const std::ptrdiff_t width = part.size_between(n.axis, part.rank());
                rescale_rows(size / stride, width, input(i), step.parts[i], outputs, stride);
                outputs += width;
            }
            break;
        }
        case op::hadamard: {
            const std::ptrdiff_t columns = in[in.rank() - 1];
            hadamard(size / columns, columns, input(0), n.rotation, step.parts[0], outputs);
            break;
        }
        default:
            apply_table(size, input(0), reinterpret_cast<const T*>(step.table.data()), outputs);
            break;
    }
}

}  // namespace lowbit
