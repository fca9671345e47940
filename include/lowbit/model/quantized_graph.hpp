// SPDX-License-Identifier: Apache-2.0
/// @file
/// The quantized form of a network: for every edge what its codes mean, for every layer its weights in few bits.
#pragma once

#include <lowbit/kernels/requantize.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/schemes/any.hpp>

#include <cstdint>
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

/// A layer in few bits. The bias stays float until the scale of the input is known (model/lower.hpp).
struct quantized_layer {
    any_quantized weights{};
    tensor<float> bias{};  ///< empty: none
};

/// A network in few bits. Made by `quantize_model`; a value.
struct quantized_graph {
    graph network{};                        ///< float, without batch norms: what the codes approximate
    std::vector<edge_codes> edges{};        ///< one per node, of its output
    std::vector<quantized_layer> layers{};  ///< one per node; empty where it has no weights
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

}  // namespace lowbit
