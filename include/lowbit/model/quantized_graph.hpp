// SPDX-License-Identifier: Apache-2.0
/// @file
/// The quantized form of a network: for every edge what its codes mean, for every layer its weights in few bits. And
/// its lowering to steps that know integers only, which is what both the integer run and its simulation follow.
///
/// Per layer with input scale S_x, weight scales S_w[c] and output scale S_y (Jacob et al. 2018, section 2):
///
///     q_y = clamp(Z_y + rescale(Σ (q_x − Z_x)(q_w − Z_w) + q_b, M[c])),  q_b = b/(S_x·S_w[c]),  M[c] = S_x·S_w[c]/S_y
#pragma once

#include <lowbit/kernels/elementwise.hpp>
#include <lowbit/kernels/requantize.hpp>
#include <lowbit/kernels/shape.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/schemes/any.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// The codes of an edge and what they mean.
struct edge_codes {
    affine scheme{.bits = 8, .symmetric = false};
    affine_params params{};

    affine_grid grid() const {
        return {1.0f / params.scale, params.zero_point, scheme.lowest(), scheme.highest(), scheme.ties};
    }
    std::int32_t encode(float x) const { return quantize_value(x, grid()); }
    float decode(std::int32_t code) const { return dequantize_value(code, params.scale, params.zero_point); }
    bool operator==(const edge_codes&) const = default;
};

/// A network in few bits. Made by `quantize_model`; a value.
struct quantized_graph {
    graph network{};                       ///< without batch norms; its weights are those that were quantized
    std::vector<edge_codes> edges{};       ///< one per node, of its output
    std::vector<any_quantized> weights{};  ///< one per node; empty where it has none
    requant_rounding rounding = requant_rounding::single;
};

/// For each node, the edge that defines the codes of its output. Max and average pooling, flatten, reshape and output
/// keep their input's. A layer, sum, product or concatenation whose only reader is a ReLU or ReLU6 writes that one's
/// codes: the function is its clamp.
inline std::vector<edge> code_owners(const graph& g) {
    const auto readers = g.consumers();
    std::vector<edge> owners;
    for (int i = 0; i < g.size(); ++i) {
        const node& n = g[edge{i}];
        edge owner{i};
        switch (n.kind) {
            case op::max_pool:
            case op::average_pool:
            case op::global_average_pool:
            case op::flatten:
            case op::reshape:
            case op::output:
            case op::softmax:
                owner = owners[static_cast<std::size_t>(n.inputs[0].node)];
                break;
            case op::conv2d:
            case op::depthwise_conv2d:
            case op::linear:
            case op::add:
            case op::mul:
            case op::concat: {
                const auto& read_by = readers[static_cast<std::size_t>(i)];
                if (read_by.size() == 1 && (g[read_by[0]].kind == op::relu || g[read_by[0]].kind == op::relu6))
                    owner = read_by[0];
                break;
            }
            default:
                break;
        }
        owners.push_back(owner);
    }
    return owners;
}

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
inline integer_weights lower_weights(const any_quantized& weights, const tensor<float>& bias, float input_scale) {
    const affine_tensor q = detail::computable(weights);
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
    std::vector<rescale_stage> parts{};     ///< concat, one per input
    std::array<std::uint8_t, 256> table{};  ///< activation, or a ReLU that could not be fused; indexed by the byte

    output_stage stage(const edge_codes& to, requant_rounding rounding) const {
        return {weights.bias, multipliers, to.params.zero_point, clamp, rounding};
    }
};

namespace detail {

/// The codes that an edge may take: all of its scheme's, less what the fused ReLU or ReLU6 cuts off.
inline code_range clamp_of(const edge_codes& codes, const node& owner) {
    code_range range{codes.scheme.lowest(), codes.scheme.highest()};
    if (owner.kind == op::relu || owner.kind == op::relu6)
        range.lowest = std::max(range.lowest, codes.params.zero_point);
    if (owner.kind == op::relu6) range.highest = codes.encode(6.0f);
    return range;
}

inline multiplier ratio(double numerator, float scale) { return make_multiplier(numerator / double{scale}); }

inline void lower_layer(const quantized_graph& q, integer_step& step, const edge_codes& from, const edge_codes& to) {
    const node& n = q.network[step.node];
    step.weights = lower_weights(q.weights[static_cast<std::size_t>(step.node.node)], n.bias, from.params.scale);
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
    const code_range clamp = clamp_of(to, q.network[output]);
    step.clamp = {clamp};
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

/// For each node, the edge in whose buffer its codes are: reshapes, outputs and fused ReLUs have none of their own.
inline std::vector<edge> code_buffers(const graph& g) {
    const auto owners = code_owners(g);
    std::vector<edge> buffers;
    for (int i = 0; i < g.size(); ++i) {
        const node& n = g[edge{i}];
        edge buffer{i};
        const bool same_bytes =
            n.kind == op::flatten || n.kind == op::reshape || n.kind == op::output || n.kind == op::softmax;
        if (same_bytes)
            buffer = buffers[static_cast<std::size_t>(n.inputs[0].node)];
        else if (owners[static_cast<std::size_t>(i)].node > i)
            buffer = owners[static_cast<std::size_t>(i)];
        buffers.push_back(buffer);
    }
    return buffers;
}

/// The network as steps on codes, in order. Errors: a batch norm (fold it first), a softmax that is not at the end,
/// codes of more than 8 bits, or of edges that differ in being signed.
inline std::vector<integer_step> lower(const quantized_graph& q) {
    const graph& g = q.network;
    check(q.edges.size() == g.nodes().size() && q.weights.size() == g.nodes().size(),
          "quantized graph: ", q.edges.size(), " edges and ", q.weights.size(), " weights for ", g.size(), " nodes");
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

}  // namespace lowbit
