// SPDX-License-Identifier: Apache-2.0
/// @file
/// Cross-layer equalization of a whole network (Nagel et al. 2019): the function stays, the weights of each layer get
/// channels of like size, so that one scale per tensor can hold them. What it does to a pair of layers is in
/// refine/equalize.hpp; here the pairs are found.
///
/// Two layers are a pair where nothing but ReLU, ReLU6, pooling and flatten is between them and nothing else reads what
/// is there. A ReLU6 between gets a ceiling per channel.
#pragma once

#include <lowbit/model/float_run.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/refine/equalize.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

/// A layer, the one that reads it, and the ReLU6s between.
struct layer_pair {
    edge first{}, second{};
    std::vector<edge> relu6{};
};

/// All of them, in the order of the network.
inline std::vector<layer_pair> find_pairs(const graph& g) {
    const auto readers = g.consumers();
    std::vector<layer_pair> pairs;
    for (const edge first : g.weighted()) {
        layer_pair pair{.first = first};
        for (edge at = first; readers[static_cast<std::size_t>(at.node)].size() == 1;) {
            at = readers[static_cast<std::size_t>(at.node)][0];
            const node& n = g[at];
            if (n.has_weights()) {
                // A group in the middle of the channels would tie input channels together; depthwise layers do not.
                if (n.kind != op::conv2d || n.groups == 1) {
                    pair.second = at;
                    pairs.push_back(std::move(pair));
                }
                break;
            }
            if (n.kind == op::relu6) pair.relu6.push_back(at);
            const bool homogeneous = n.kind == op::relu || n.kind == op::relu6 || n.kind == op::max_pool ||
                                     n.kind == op::average_pool || n.kind == op::global_average_pool ||
                                     n.kind == op::flatten;
            if (!homogeneous) break;
        }
    }
    return pairs;
}

namespace detail {

inline layer_view view_of_layer(node& n) { return {n.weights, n.bias, n.kind == op::depthwise_conv2d}; }

inline tensor<float>& ceiling_of(node& relu6, std::ptrdiff_t channels) {
    if (relu6.ceiling.empty()) relu6.ceiling = tensor<float>({channels}, 6.0f);
    return relu6.ceiling;
}

inline void divide_ceilings(graph& g, const layer_pair& pair, std::span<const float> s) {
    for (const edge e : pair.relu6) {
        tensor<float>& ceiling = ceiling_of(g[e], std::ssize(s));
        for (std::size_t c = 0; c < s.size(); ++c) ceiling[static_cast<std::ptrdiff_t>(c)] /= s[c];
    }
}

}  // namespace detail

/// Divides the channels between the two layers by s > 0, in place; the function stays. Errors: another number of
/// factors than channels.
inline void rescale(graph& g, const layer_pair& pair, std::span<const float> s) {
    std::vector<float> inverse;
    for (const float factor : s) inverse.push_back(1 / factor);
    scale_outputs(detail::view_of_layer(g[pair.first]), inverse);
    scale_inputs(detail::view_of_layer(g[pair.second]), s);
    detail::divide_ceilings(g, pair, s);
}

/// ReLU6s that no sample of the batches reaches become ReLUs: nothing to equalize around. Returns how many.
inline int relax_relu6(graph& g, std::span<const tensor<float>> batches, const executor& pool = {}) {
    std::vector<float> largest(g.nodes().size());
    for (const tensor<float>& batch : batches) {
        float_run(
            g, batch,
            [&](edge e, const node&, tensor_view<const float> values) {
                if (!values.empty())
                    largest[static_cast<std::size_t>(e.node)] = std::max(
                        largest[static_cast<std::size_t>(e.node)], *std::max_element(values.begin(), values.end()));
            },
            pool);
    }
    int relaxed = 0;
    for (const edge e : g.all(op::relu6)) {
        if (!g[e].ceiling.empty() || largest[static_cast<std::size_t>(g[e].inputs[0].node)] >= 6.0f) continue;
        g[e].kind = op::relu;
        ++relaxed;
    }
    return relaxed;
}

/// Equalizes every pair of layers, in place, again and again until no channel is farther than `tolerance` from its
/// goal, at most `rounds` times. Batch norms must be folded. Returns the number of pairs.
inline int equalize(graph& g, float tolerance = 1e-3f, int rounds = 100) {
    const auto pairs = find_pairs(g);
    for (int round = 0; round < rounds; ++round) {
        float farthest = 0;
        for (const layer_pair& pair : pairs) {
            const std::vector<float> s =
                equalize(detail::view_of_layer(g[pair.first]), detail::view_of_layer(g[pair.second]));
            for (const float factor : s) farthest = std::max(farthest, std::abs(factor - 1));
            detail::divide_ceilings(g, pair, s);
        }
        if (farthest <= tolerance) break;
    }
    return static_cast<int>(pairs.size());
}

/// Moves what activations always exceed from each layer's bias to the next one's (section 4.1.3 there), with mean and
/// deviation of each channel measured on the batches. Pairs are left alone where the second layer sees padding, which
/// is 0 and would not be. A ReLU6's ceilings are lowered by as much. Returns the number of pairs that changed.
inline int absorb_high_biases(graph& g, std::span<const tensor<float>> batches, const executor& pool = {}) {
    struct channel_sums {
        std::vector<double> sum, squares;
        double count = 0;
    };
    std::vector<channel_sums> seen(g.nodes().size());
    for (const tensor<float>& batch : batches) {
        float_run(
            g, batch,
            [&](edge e, const node& n, tensor_view<const float> values) {
                if (!n.has_weights()) return;
                channel_sums& s = seen[static_cast<std::size_t>(e.node)];
                const auto channels = static_cast<std::size_t>(n.weights.shape()[0]);
                s.sum.resize(channels);
                s.squares.resize(channels);
                for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
                    const auto c = static_cast<std::size_t>(i) % channels;
                    s.sum[c] += double{values[i]};
                    s.squares[c] += double{values[i]} * double{values[i]};
                }
                s.count += static_cast<double>(values.size()) / static_cast<double>(channels);
            },
            pool);
    }
    int changed = 0;
    for (const layer_pair& pair : find_pairs(g)) {
        node &first = g[pair.first], &second = g[pair.second];
        const channel_sums& s = seen[static_cast<std::size_t>(pair.first.node)];
        if (second.window.padding != valid() || first.bias.empty() || s.count == 0) continue;
        if (second.bias.empty()) second.bias = tensor<float>({second.weights.shape()[0]});
        std::vector<float> mean, deviation;
        for (std::size_t c = 0; c < s.sum.size(); ++c) {
            const double m = s.sum[c] / s.count;
            mean.push_back(static_cast<float>(m));
            deviation.push_back(static_cast<float>(std::sqrt(std::max(s.squares[c] / s.count - m * m, 0.0))));
        }
        const std::vector<float> c =
            absorb_high_bias(detail::view_of_layer(first), detail::view_of_layer(second), mean, deviation);
        for (const edge e : pair.relu6) {
            tensor<float>& ceiling = detail::ceiling_of(g[e], std::ssize(c));
            for (std::size_t i = 0; i < c.size(); ++i) ceiling[static_cast<std::ptrdiff_t>(i)] -= c[i];
        }
        changed += std::any_of(c.begin(), c.end(), [](float moved) { return moved > 0; });
    }
    return changed;
}

}  // namespace lowbit
