// SPDX-License-Identifier: Apache-2.0
/// @file
/// Hadamard rotation of a whole network (Ashkboos et al. 2024, "QuaRot", section 3): the function stays, outliers of
/// activations and weights spread evenly over the channels of a block. What it does to a layer is in
/// refine/hadamard.hpp.
///
/// x·Wᵀ = (x·D·H)·(W·D·H)ᵀ. The weights are rotated once. x is rotated for free where it comes straight from a
/// convolution or linear layer that nothing else reads: in that layer's outputs; else by a node of its own, in
/// integers, before the layer.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/refine/hadamard.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

/// Weights and bias such that the layer's outputs are what they were, times D·H.
inline void rotate_outputs(node& n, const hadamard_rotation& rotation) {
    row_matrix<float> by_output = as_matrix(n.weights).transpose();
    rotate({by_output.data(), {by_output.rows(), by_output.cols()}}, rotation);
    as_matrix(n.weights) = by_output.transpose();
    if (!n.bias.empty()) rotate(n.bias.view(), rotation);
}

}  // namespace detail

/// A copy of the network that reads rotated inputs in every convolution and linear layer that `wanted` says so of and
/// whose channels, an even number, a rotation fits; not in depthwise and grouped convolutions, which tie channels to
/// outputs. New nodes are named after what they rotate: "fc1.rotated". Batch norms must be folded.
inline graph rotate_layers(const graph& g, const std::function<bool(const node&)>& wanted,
                           const hadamard_rotation& rotation = {.seed = 1}) {
    const auto readers = g.consumers();
    graph rotated;
    std::vector<edge> moved;
    std::map<int, edge> rotations;  // of an edge of `rotated`
    for (const node& original : g.nodes()) {
        node n = original;
        const std::vector<edge> before = n.inputs;
        for (edge& e : n.inputs) e = moved[static_cast<std::size_t>(e.node)];
        const bool mixes = n.kind == op::linear || (n.kind == op::conv2d && n.groups == 1);
        const std::ptrdiff_t channels = mixes ? n.weights.shape()[n.weights.rank() - 1] : 0;
        hadamard_rotation own = rotation;
        if (own.block == 0) own.block = std::min(own.block_of(channels), longest_hadamard_block);
        if (channels % 2 == 0 && channels > 0 && own.fits(channels) && wanted(original)) {
            rotate(n.weights.view(), own);
            edge& from = n.inputs[0];
            node& source = rotated[from];
            const bool offline = (source.kind == op::linear || (source.kind == op::conv2d && source.groups == 1)) &&
                                 readers[static_cast<std::size_t>(before[0].node)].size() == 1;
            if (offline) {
                detail::rotate_outputs(source, own);
            } else {
                const std::string name = source.name + ".rotated";
                const auto found = rotations.find(from.node);
                const edge once = found != rotations.end() ? found->second : rotated.hadamard(from, own, name);
                rotations.emplace(from.node, once);
                from = once;
            }
        }
        moved.push_back(rotated.append(std::move(n)));
    }
    return rotated;
}

}  // namespace lowbit
