// SPDX-License-Identifier: Apache-2.0
/// @file
/// How large a network is, and how large it would be: from shapes alone, before anything is quantized.
///
/// 50 MB of float32 weights are 12.5 MB at 8 bits, and what scales and codebooks add to that.
#pragma once

#include <lowbit/model/fold.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/recipe.hpp>

#include <cstddef>

namespace lowbit {

/// Bytes as stored.
struct model_size {
    std::ptrdiff_t weights = 0;  ///< codes, scales, zero points, codebooks
    std::ptrdiff_t others = 0;   ///< biases and, in float, batch norms

    std::ptrdiff_t total() const { return weights + others; }
    bool operator==(const model_size&) const = default;
};

/// In float32.
inline model_size size_of(graph g) {
    model_size size;
    g.for_each_parameter([&](const std::string& name, const tensor<float>& values) {
        const bool weights = name.size() > 8 && name.compare(name.size() - 8, 8, ".weights") == 0;
        (weights ? size.weights : size.others) += 4 * values.size();
    });
    return size;
}

/// As the recipe would store it: batch norms folded, biases int32.
inline model_size estimate_size(const graph& g, const recipe& r) {
    const graph folded = fold_batch_norms(g);
    const auto schemes = detail::weight_schemes(folded, r);
    model_size size;
    for (const edge e : folded.weighted()) {
        const node& n = folded[e];
        size.weights += bytes(schemes[static_cast<std::size_t>(e.node)], n.weights.shape());
        size.others += 4 * n.bias.size();
    }
    return size;
}

/// As quantized.
inline model_size size_of(const quantized_graph& q) {
    model_size size;
    for (const edge e : q.network.weighted()) {
        const quantized_layer& layer = q.layers[static_cast<std::size_t>(e.node)];
        size.weights += layer.weights.bytes();
        size.others += 4 * layer.bias.size();
    }
    return size;
}

}  // namespace lowbit
