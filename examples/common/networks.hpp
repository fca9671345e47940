// SPDX-License-Identifier: Apache-2.0
/// @file
/// The three bundled networks for the digits, as lowbit graphs, and their weights on disk (one .npy per parameter).
#pragma once

#include "random.hpp"

#include <lowbit/model/graph.hpp>
#include <lowbit/storage/npy.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>

namespace examples {

/// Adds layers to a graph with random weights (He et al. 2015) and zero biases.
class network_builder {
public:
    explicit network_builder(std::uint32_t seed) : random_(seed) {}

    lowbit::edge images() { return g.input({1, 28, 28, 1}, "image"); }
    lowbit::edge conv(lowbit::edge x, std::ptrdiff_t outputs, std::ptrdiff_t kernel, std::ptrdiff_t stride,
                      const lowbit::padding2d& padding, const std::string& name, bool bias = false) {
        return g.conv2d(x,
                        {.weights = weights({outputs, kernel, kernel, channels(x)}, kernel * kernel * channels(x)),
                         .bias = bias ? lowbit::tensor<float>({outputs}) : lowbit::tensor<float>(),
                         .stride = {stride, stride},
                         .padding = padding},
                        name);
    }
    lowbit::edge depthwise(lowbit::edge x, std::ptrdiff_t multiplier, std::ptrdiff_t kernel, std::ptrdiff_t stride,
                           const std::string& name) {
        return g.depthwise_conv2d(x,
                                  {.weights = weights({channels(x) * multiplier, kernel, kernel, 1}, kernel * kernel),
                                   .stride = {stride, stride},
                                   .padding = lowbit::same()},
                                  name);
    }
    lowbit::edge linear(lowbit::edge x, std::ptrdiff_t outputs, const std::string& name) {
        return g.linear(
            x, {.weights = weights({outputs, channels(x)}, channels(x)), .bias = lowbit::tensor<float>({outputs})},
            name);
    }
    lowbit::edge norm(lowbit::edge x, const std::string& name) {
        const lowbit::tensor<float> zeros({channels(x)}), ones({channels(x)}, 1.0f);
        return g.batch_norm(x, {.gamma = ones, .beta = zeros, .mean = zeros, .variance = ones}, name);
    }

    lowbit::graph g{};

private:
    std::ptrdiff_t channels(lowbit::edge x) const { return g[x].shape[g[x].shape.rank() - 1]; }

    lowbit::tensor<float> weights(const lowbit::tensor_shape& shape, std::ptrdiff_t fan_in) {
        lowbit::tensor<float> w(shape);
        const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
        for (float& v : w) v = static_cast<float>(deviation * random_.normal());
        return w;
    }

    random_source random_;
};

/// VGG's 3×3 convolutions at LeNet's size: three of them, two pools, two linear layers; no batch norm.
inline lowbit::graph lenet(std::uint32_t seed = 1) {
    network_builder b(seed);
    lowbit::graph& g = b.g;
    auto x = b.images();
    x = g.relu(b.conv(x, 12, 3, 1, lowbit::same(), "conv1", true), "relu1");
    x = g.max_pool(x, {}, "pool1");
    x = g.relu(b.conv(x, 24, 3, 1, lowbit::valid(), "conv2", true), "relu2");
    x = g.max_pool(x, {}, "pool2");
    x = g.relu(b.conv(x, 32, 3, 1, lowbit::valid(), "conv3", true), "relu3");
    x = g.flatten(x, "flatten");
    x = g.relu(b.linear(x, 64, "fc1"), "relu4");
    g.output(b.linear(x, 10, "fc2"), "logits");
    return std::move(b.g);
}

/// MobileNet's (Howard et al. 2017) at the digits' size: depthwise and pointwise convolutions, each with batch norm and
/// ReLU6, then a global pool. The first depthwise layer has a channel multiplier of 2.
inline lowbit::graph mobilenet(std::uint32_t seed = 1) {
    network_builder b(seed);
    lowbit::graph& g = b.g;
    const auto finish = [&](lowbit::edge x, const std::string& name) {
        return g.relu6(b.norm(x, name + ".norm"), name + ".relu6");
    };
    auto x = finish(b.conv(b.images(), 12, 3, 2, lowbit::same(), "stem"), "stem");
    struct block {
        std::ptrdiff_t multiplier, stride, outputs;
    };
    int number = 1;
    for (const block& k : {block{2, 1, 24}, block{1, 2, 48}, block{1, 1, 48}, block{1, 2, 96}}) {
        const std::string name = "block" + std::to_string(number++);
        x = finish(b.depthwise(x, k.multiplier, 3, k.stride, name + ".depthwise"), name + ".depthwise");
        x = finish(b.conv(x, k.outputs, 1, 1, lowbit::valid(), name + ".pointwise"), name + ".pointwise");
    }
    x = g.flatten(g.global_average_pool(x, "pool"), "flatten");
    g.output(b.linear(x, 10, "classify"), "logits");
    return std::move(b.g);
}

/// A residual network (He et al. 2016): three blocks of two 3×3 convolutions with batch norm, the last two with a 1×1
/// convolution on the shortcut.
inline lowbit::graph resnet(std::uint32_t seed = 1) {
    network_builder b(seed);
    lowbit::graph& g = b.g;
    auto x = g.relu(b.norm(b.conv(b.images(), 8, 3, 1, lowbit::same(), "stem"), "stem.norm"), "stem.relu");
    x = g.max_pool(x, {}, "stem.pool");
    int number = 1;
    for (const std::ptrdiff_t outputs : {8, 16, 32}) {
        const std::string name = "block" + std::to_string(number);
        const std::ptrdiff_t stride = number++ == 1 ? 1 : 2;
        auto shortcut = x;
        if (stride == 2)
            shortcut = b.norm(b.conv(x, outputs, 1, 2, lowbit::valid(), name + ".shortcut"), name + ".shortcut.norm");
        x = b.norm(b.conv(x, outputs, 3, stride, lowbit::same(), name + ".conv1"), name + ".norm1");
        x = g.relu(x, name + ".relu1");
        x = b.norm(b.conv(x, outputs, 3, 1, lowbit::same(), name + ".conv2"), name + ".norm2");
        x = g.relu(g.add(x, shortcut, name + ".add"), name + ".relu2");
    }
    x = g.flatten(g.global_average_pool(x, "pool"), "flatten");
    g.output(b.linear(x, 10, "classify"), "logits");
    return std::move(b.g);
}

/// The bundled networks by name.
inline constexpr std::string_view network_names[] = {"lenet", "mobilenet", "resnet"};

inline lowbit::graph make_network(std::string_view name, std::uint32_t seed = 1) {
    if (name == "lenet") return lenet(seed);
    if (name == "mobilenet") return mobilenet(seed);
    lowbit::check(name == "resnet", "no bundled network is named '", name, "'; there are lenet, mobilenet and resnet");
    return resnet(seed);
}

/// Writes every parameter to folder/<name>.npy.
inline void save_parameters(lowbit::graph& g, const std::string& folder) {
    std::filesystem::create_directories(folder);
    g.for_each_parameter([&](const std::string& name, const lowbit::tensor<float>& values) {
        lowbit::write_npy(folder + "/" + name + ".npy", values);
    });
}

/// Reads what `save_parameters` wrote. Errors: a missing file, a shape that is not the network's.
inline void load_parameters(lowbit::graph& g, const std::string& folder) {
    g.for_each_parameter([&](const std::string& name, lowbit::tensor<float>& values) {
        const std::string path = folder + "/" + name + ".npy";
        lowbit::tensor<float> read = lowbit::read_npy<float>(path);
        lowbit::check(read.shape() == values.shape(), path, ": shape ", to_string(read.shape()), " instead of ",
                      to_string(values.shape()));
        values = std::move(read);
    });
}

/// A bundled network with its trained weights.
inline lowbit::graph trained_network(std::string_view name, const std::string& data_folder) {
    lowbit::graph g = make_network(name);
    load_parameters(g, data_folder + "/" + std::string(name));
    return g;
}

}  // namespace examples
