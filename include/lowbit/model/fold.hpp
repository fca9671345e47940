// SPDX-License-Identifier: Apache-2.0
/// @file
/// A network without batch normalizations, that computes the same: what is quantized.
#pragma once

#include <lowbit/model/graph.hpp>
#include <lowbit/refine/bn_fold.hpp>

#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

inline void fold_into(node& layer, const batch_norm_options& norm) {
    if (layer.bias.empty()) layer.bias = tensor<float>({layer.weights.shape()[0]});
    fold_batch_norm(layer.weights, layer.bias, {norm.gamma, norm.beta, norm.mean, norm.variance, norm.epsilon});
}

/// The normalization as a layer of its own: a depthwise 1x1 convolution, between reshapes where x is not NHWC.
inline edge append_as_depthwise(graph& g, const node& n, edge x) {
    const tensor_shape shape = n.shape;
    const std::ptrdiff_t channels = n.norm.gamma.size(), rows = shape.size_between(1, shape.rank()) / channels;
    const bool image = shape.rank() == 4;
    if (!image) x = g.reshape(x, {shape[0], rows, 1, channels}, n.name + ".image");
    node layer{.kind = op::depthwise_conv2d,
               .name = n.name,
               .inputs = {x},
               .weights = tensor<float>({channels, 1, 1, 1}, 1.0f)};
    fold_into(layer, n.norm);
    x = g.append(std::move(layer));
    return image ? x : g.reshape(x, shape, n.name + ".shape");
}

}  // namespace detail

/// Each batch normalization goes into the layer with weights right before it, if nothing else reads that layer;
/// else it becomes a depthwise 1x1 convolution under its own name. Other nodes keep their names and order.
inline graph fold_batch_norms(const graph& g) {
    const auto readers = g.consumers();
    graph folded;
    std::vector<edge> moved(g.nodes().size());
    for (int i = 0; i < g.size(); ++i) {
        node n = g[edge{i}];
        const std::vector<edge> before = n.inputs;
        for (edge& e : n.inputs) e = moved[static_cast<std::size_t>(e.node)];
        edge& to = moved[static_cast<std::size_t>(i)];
        if (n.kind != op::batch_norm) {
            to = folded.append(std::move(n));
        } else if (g[before[0]].has_weights() && readers[static_cast<std::size_t>(before[0].node)].size() == 1) {
            to = n.inputs[0];
            detail::fold_into(folded[to], n.norm);
        } else {
            to = detail::append_as_depthwise(folded, n, n.inputs[0]);
        }
    }
    return folded;
}

}  // namespace lowbit
