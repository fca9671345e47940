// SPDX-License-Identifier: Apache-2.0
/// @file
/// Weights by their output and input channels: what equalization, SmoothQuant and AWQ scale.
///
/// Axis 0 is the output channel. Of the other axes together, column j reads input channel j mod channels: so it is for
/// convolutions (OHWI), linear layers, and linear layers behind a flattened image. A depthwise layer's row reads the
/// channel row / multiplier.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

/// A layer with its bias (empty: none), to be changed in place.
struct layer_view {
    tensor_view<float> weights{}, bias{};
    bool depthwise = false;

    std::ptrdiff_t outputs() const { return weights.rank() == 0 ? 0 : weights.shape()[0]; }
    /// Weights of one output channel.
    std::ptrdiff_t columns() const { return outputs() == 0 ? 0 : weights.size() / outputs(); }
    /// Input channel of a weight, where there are `channels` of them.
    std::ptrdiff_t input_channel(std::ptrdiff_t row, std::ptrdiff_t column, std::ptrdiff_t channels) const {
        return depthwise ? row / (outputs() / channels) : column % channels;
    }

    /// Errors: rows or columns that are no multiple of the channels; a bias of another size.
    void check_inputs(std::ptrdiff_t channels) const {
        const std::ptrdiff_t extent = depthwise ? outputs() : columns();
        check(channels > 0 && extent % channels == 0, "layer: ", to_string(weights.shape()),
              depthwise ? " (depthwise)" : "", " does not read ", channels, " input channels");
        check(bias.empty() || bias.size() == outputs(), "layer: ", bias.size(), " biases for ", outputs(), " outputs");
    }
};

/// Calls f(weight, output channel, input channel) for every weight. channels: how many inputs there are.
template <class Function>
void for_each_weight(const layer_view& layer, std::ptrdiff_t channels, Function f) {
    layer.check_inputs(channels);
    const std::ptrdiff_t columns = layer.columns();
    for (std::ptrdiff_t row = 0; row < layer.outputs(); ++row) {
        for (std::ptrdiff_t column = 0; column < columns; ++column) {
            f(layer.weights[row * columns + column], row, layer.input_channel(row, column, channels));
        }
    }
}

/// Multiplies the weights and the bias of each output channel by its factor. Errors: another number of factors.
inline void scale_outputs(const layer_view& layer, std::span<const float> factors) {
    check(std::ssize(factors) == layer.outputs(), "scale_outputs: ", factors.size(), " factors for ", layer.outputs(),
          " outputs");
    for_each_weight(layer, 1,
                    [&](float& w, std::ptrdiff_t out, std::ptrdiff_t) { w *= factors[static_cast<std::size_t>(out)]; });
    for (std::ptrdiff_t i = 0; i < layer.bias.size(); ++i) layer.bias[i] *= factors[static_cast<std::size_t>(i)];
}

/// Multiplies the weights of each input channel by its factor. Errors: a number of factors that does not fit.
inline void scale_inputs(const layer_view& layer, std::span<const float> factors) {
    for_each_weight(layer, std::ssize(factors),
                    [&](float& w, std::ptrdiff_t, std::ptrdiff_t in) { w *= factors[static_cast<std::size_t>(in)]; });
}

/// max|w| of each output channel.
inline std::vector<float> largest_of_outputs(const layer_view& layer) {
    std::vector<float> largest(static_cast<std::size_t>(layer.outputs()));
    for_each_weight(layer, 1, [&](float w, std::ptrdiff_t out, std::ptrdiff_t) {
        largest[static_cast<std::size_t>(out)] = std::max(largest[static_cast<std::size_t>(out)], std::abs(w));
    });
    return largest;
}

/// max|w| of each of so many input channels.
inline std::vector<float> largest_of_inputs(const layer_view& layer, std::ptrdiff_t channels) {
    std::vector<float> largest(static_cast<std::size_t>(channels));
    for_each_weight(layer, channels, [&](float w, std::ptrdiff_t, std::ptrdiff_t in) {
        largest[static_cast<std::size_t>(in)] = std::max(largest[static_cast<std::size_t>(in)], std::abs(w));
    });
    return largest;
}

}  // namespace lowbit
