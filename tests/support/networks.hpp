// SPDX-License-Identifier: Apache-2.0
/// @file
/// Random tensors and small random networks, the same on every machine: what tests and benches of models run on.
#pragma once

#include <lowbit/model/activations.hpp>
#include <lowbit/model/graph.hpp>

#include <cmath>
#include <cstdint>

namespace networks {

/// Uniform in [lowest, highest).
inline lowbit::tensor<float> random(const lowbit::tensor_shape& shape, float lowest, float highest,
                                    std::uint64_t seed) {
    lowbit::tensor<float> values(shape);
    std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (float& v : values) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        v = lowest + (highest - lowest) * static_cast<float>(state >> 40) * 0x1p-24f;
    }
    return values;
}

/// Weights of unit gain: uniform with variance 2 / fan-in.
inline lowbit::tensor<float> weights(const lowbit::tensor_shape& shape, std::uint64_t seed) {
    const float limit = std::sqrt(6.0f / static_cast<float>(shape.size_between(1, shape.rank())));
    return random(shape, -limit, limit, seed);
}

inline lowbit::batch_norm_options norm(std::ptrdiff_t channels, std::uint64_t seed) {
    return {.gamma = random({channels}, 0.5f, 1.5f, seed),
            .beta = random({channels}, -0.5f, 0.5f, seed + 1),
            .mean = random({channels}, -0.5f, 0.5f, seed + 2),
            .variance = random({channels}, 0.5f, 2.0f, seed + 3)};
}

/// Convolution, ReLU and max pooling twice, then two linear layers.
inline lowbit::graph lenet(std::ptrdiff_t size = 12) {
    lowbit::graph g;
    auto x = g.input({1, size, size, 1}, "image");
    x = g.conv2d(x,
                 {.weights = weights({6, 3, 3, 1}, 1), .bias = random({6}, -0.2f, 0.2f, 2), .padding = lowbit::same()},
                 "conv1");
    x = g.max_pool(g.relu(x));
    x = g.conv2d(x, {.weights = weights({8, 3, 3, 6}, 3), .bias = random({8}, -0.2f, 0.2f, 4)}, "conv2");
    x = g.flatten(g.max_pool(g.relu(x)));
    x = g.relu(g.linear(x, {.weights = weights({20, g[x].shape[1]}, 5), .bias = random({20}, -0.1f, 0.1f, 6)}, "fc1"));
    x = g.linear(x, {.weights = weights({10, 20}, 7), .bias = random({10}, -0.1f, 0.1f, 8)}, "fc2");
    g.output(x, "scores");
    return g;
}

/// Depthwise-separable blocks with batch norm and ReLU6, a residual, a gate (mul), a concatenation, every pooling,
/// a table activation, softmax: every kind of node.
inline lowbit::graph mobile(std::ptrdiff_t size = 12) {
    lowbit::graph g;
    auto x = g.input({1, size, size, 3}, "image");
    const auto block = [&](lowbit::edge in, lowbit::conv2d_options options, std::uint64_t seed) {
        const std::ptrdiff_t channels = options.weights.shape()[0];
        return g.relu6(g.batch_norm(g.conv2d(in, std::move(options)), norm(channels, seed)));
    };
    x = block(x, {.weights = weights({8, 3, 3, 3}, 11), .stride = {2, 2}, .padding = lowbit::same()}, 12);
    auto y = g.depthwise_conv2d(x, {.weights = weights({16, 3, 3, 1}, 13), .padding = lowbit::same()}, "dw");
    y = g.relu6(g.batch_norm(y, norm(16, 14)));
    y = g.conv2d(y, {.weights = weights({8, 1, 1, 16}, 15), .bias = random({8}, -0.3f, 0.3f, 16)}, "project");
    x = g.add(x, y, "residual");
    const auto gate = g.activate(g.conv2d(x, {.weights = weights({8, 1, 1, 4}, 17), .groups = 2}, "gate"),
                                 lowbit::activations::sigmoid(), "sigmoid");
    x = g.concat(
        {g.mul(x, gate, "gated"), g.average_pool(x, {.size = {3, 3}, .stride = {1, 1}, .padding = lowbit::same()})}, -1,
        "concat");
    x = g.max_pool(x, {.size = {2, 2}, .padding = lowbit::same()});
    x = g.activate(g.batch_norm(x, norm(16, 18), "standalone"), lowbit::activations::hard_swish(), "hard_swish");
    x = g.reshape(g.global_average_pool(x), {1, 16});
    x = g.linear(g.flatten(x), {.weights = weights({5, 16}, 19), .bias = random({5}, -0.1f, 0.1f, 20)}, "fc");
    g.output(g.softmax(x), "probabilities");
    return g;
}

}  // namespace networks
