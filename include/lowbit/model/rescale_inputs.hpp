// SPDX-License-Identifier: Apache-2.0
/// @file
/// SmoothQuant and AWQ on a whole network: the inputs of a layer are divided by s, channel by channel, its weights
/// multiplied; the division goes into the layer before. The function stays. The pairs of layers are those that
/// equalization finds (model/equalize.hpp); how s is chosen is in refine/smoothquant.hpp and refine/awq.hpp.
#pragma once

#include <lowbit/calibrate/observers.hpp>
#include <lowbit/model/equalize.hpp>
#include <lowbit/model/layer_moments.hpp>
#include <lowbit/refine/awq.hpp>
#include <lowbit/refine/smoothquant.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// Outliers of what each pair's second layer reads move into its weights, in place. Returns the number of pairs.
/// Errors: α outside [0, 1]; no batch; NaN or infinity in what a layer reads.
inline int smooth_activations(graph& g, std::span<const tensor<float>> batches, double alpha = 0.5,
                              const executor& pool = {}) {
    const auto pairs = find_pairs(g);
    const auto read_by = [&](const layer_pair& pair) {
        return static_cast<std::size_t>(g[pair.second].inputs[0].node);
    };
    std::vector<channel_min_max_observer> inputs(g.nodes().size());
    std::vector<std::ptrdiff_t> channels(g.nodes().size());  // 0: no pair's second layer reads it
    for (const layer_pair& pair : pairs) channels[read_by(pair)] = g[pair.first].weights.shape()[0];
    for (const tensor<float>& batch : batches) {
        float_run(
            g, batch,
            [&](edge e, const node&, tensor_view<const float> values) {
                const auto i = static_cast<std::size_t>(e.node);
                if (channels[i] == 0) return;
                inputs[i].observe(values.reshaped({values.size() / channels[i], channels[i]}));  // flattened too
            },
            pool);
    }
    for (const layer_pair& pair : pairs) {
        std::vector<float> largest;
        for (const range& r : inputs[read_by(pair)].observed()) largest.push_back(amax(r));
        rescale(g, pair, smoothquant_scales(detail::view_of_layer(g[pair.second]), largest, alpha));
    }
    return static_cast<int>(pairs.size());
}

/// Weights that large activations meet get finer steps, in place: s of each pair's second layer by the error that
/// `scheme_of(edge)`, the scheme of its weights, makes in its outputs. A depthwise layer is left alone: its channels
/// have one input each. Returns the number of pairs that changed. Errors: what the scheme refuses.
template <class SchemeOf>
int activation_aware_scales(graph& g, std::span<const tensor<float>> batches, const SchemeOf& scheme_of,
                            const executor& pool = {}) {
    const auto moments = layer_moments(g, batches, pool);
    int changed = 0;
    for (const layer_pair& pair : find_pairs(g)) {
        const node& second = g[pair.second];
        if (second.kind == op::depthwise_conv2d) continue;
        const awq_result found = scheme_of(pair.second).visit([&](const auto& scheme) {
            return awq_scales(second.weights.view(), moments[static_cast<std::size_t>(pair.second.node)][0], scheme,
                              g[pair.first].weights.shape()[0], pool);
        });
        if (found.alpha == 0) continue;
        rescale(g, pair, found.scales);
        ++changed;
    }
    return changed;
}

}  // namespace lowbit
