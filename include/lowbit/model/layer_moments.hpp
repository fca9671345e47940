// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the layers of a network see: E[x·xᵀ] and E[x] of each layer's input, for the refinements of refine/ that need
/// the data. A convolution sees its patches; the groups of one (and the channels of a depthwise one) each see their
/// own.
#pragma once

#include <lowbit/model/float_run.hpp>
#include <lowbit/refine/input_moments.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace lowbit {

/// One per group of a layer: 1 for linear layers, the channels of its input for depthwise ones.
using group_moments = std::vector<input_moments>;

namespace detail {

/// The patches [positions, kh·kw·in/groups] of one group.
inline tensor<float> gather_patches(const node& n, tensor_view<const float> x, std::ptrdiff_t group) {
    const std::ptrdiff_t all = x.shape()[3], channels = all / n.groups;
    const std::ptrdiff_t positions = x.shape()[0] * n.shape[1] * n.shape[2];
    tensor<float> patches({positions, n.window.size[0] * n.window.size[1] * channels});
    for (std::ptrdiff_t position = 0; position < positions; ++position) {
        for_each_tap(n, x.shape(), position, [&](std::ptrdiff_t tap, std::ptrdiff_t pixel) {
            std::copy_n(x.data() + pixel * all + group * channels, channels,
                        patches.data() + position * patches.shape()[1] + tap * channels);
        });
    }
    return patches;
}

inline void observe_layer(const node& n, tensor_view<const float> x, group_moments& moments, const executor& pool) {
    if (n.kind == op::linear) return moments[0].observe(x);
    constexpr std::ptrdiff_t images_at_once = 16;
    const std::ptrdiff_t image = x.size() / std::max<std::ptrdiff_t>(x.shape()[0], 1);
    pool.parallel_for(std::ssize(moments), [&](std::ptrdiff_t group) {
        for (std::ptrdiff_t first = 0; first < x.shape()[0]; first += images_at_once) {
            const std::ptrdiff_t count = std::min(images_at_once, x.shape()[0] - first);
            const tensor_view<const float> part(x.data() + first * image, with_batch(x.shape(), count));
            moments[static_cast<std::size_t>(group)].observe(gather_patches(n, part, group));
        }
    });
}

}  // namespace detail

/// For each node with weights its groups' moments, over all batches of the network's only input; none for the others.
/// Every position of every sample counts. Memory: 8·columns² bytes for each group.
inline std::vector<group_moments> layer_moments(const graph& g, std::span<const tensor<float>> batches,
                                                const executor& pool = {}) {
    std::vector<group_moments> moments(g.nodes().size());
    for (const edge e : g.weighted()) {
        const node& n = g[e];
        const std::ptrdiff_t groups = n.kind == op::linear ? 1 : n.groups;
        const std::ptrdiff_t columns = n.weights.size() / n.weights.shape()[0];
        for (std::ptrdiff_t group = 0; group < groups; ++group)
            moments[static_cast<std::size_t>(e.node)].emplace_back(columns);
    }
    const auto readers = g.consumers();
    for (const tensor<float>& batch : batches) {
        float_run(
            g, batch,
            [&](edge e, const node&, tensor_view<const float> value) {
                for (const edge reader : readers[static_cast<std::size_t>(e.node)]) {
                    group_moments& seen = moments[static_cast<std::size_t>(reader.node)];
                    if (!seen.empty()) detail::observe_layer(g[reader], value, seen, pool);
                }
            },
            pool);
    }
    return moments;
}

}  // namespace lowbit
