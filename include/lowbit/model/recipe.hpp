// SPDX-License-Identifier: Apache-2.0
/// @file
/// What `quantize_model` is told: how to store weights, how many bits activations get, how their ranges are found,
/// and what is different for single layers. An aggregate; the defaults are int8 throughout, weights per channel.
#pragma once

#include <lowbit/kernels/requantize.hpp>
#include <lowbit/schemes/any.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lowbit {

/// How weights become codes.
enum class weight_rounding {
    nearest,
    gptq,      ///< error feedback: refine/gptq.hpp
    adaround,  ///< up or down, learned: refine/adaround.hpp
};

/// Where S and Z of affine weights come from.
enum class weight_fit {
    scheme,  ///< the scheme: its range, or its `:clip=`
    awq,     ///< ranges shrunk by the layer's output error: refine/awq.hpp; per output channel, or groups within one
    hqq,     ///< zero points fitted to sparse errors: refine/hqq.hpp; asymmetric schemes
};

/// What one node has of its own; what is not set is the recipe's.
struct layer_recipe {
    std::optional<any_scheme> weights{};
    std::optional<affine> activations{};  ///< of the node's output
    /// Scales and zero points from outside (learned ones): of the weights, one or one per channel, for an affine
    /// scheme;
    std::vector<affine_params> weight_params{};
    /// and of the output.
    std::optional<affine_params> activation_params{};
    std::optional<lowbit::weight_fit> weight_fit{};
    std::optional<lowbit::weight_rounding> weight_rounding{};
    std::optional<bool> rotate{};

    bool operator==(const layer_recipe&) const = default;
};

/// How a model is quantized.
struct recipe {
    any_scheme weights = affine{.bits = 8, .granularity = per_channel(0)};
    /// Codes of activations, 2 … 8 bits per tensor; `.clip` says how their ranges are found.
    affine activations{.bits = 8, .symmetric = false};
    /// The first and the last layer with weights: 8-bit weights, and 8-bit codes in and out of the network and into
    /// the last layer.
    bool first_and_last_at_8_bits = false;

    // What is done to the float network first, in this order; its function stays.
    /// Cross-layer equalization and absorption of high biases (model/equalize.hpp).
    bool equalize = false;
    /// Outliers of activations move into the weights, with this α in [0, 1] (model/rescale_inputs.hpp).
    std::optional<double> smoothquant{};
    /// Weights that large activations meet get finer steps (model/rescale_inputs.hpp).
    bool awq = false;
    /// Hadamard rotation of what convolutions and linear layers read (model/rotate.hpp); what is rotated in the
    /// integer network, at run time, has 8 bits before.
    bool rotate = false;

    // Then layer by layer.
    lowbit::weight_fit weight_fit = lowbit::weight_fit::scheme;
    lowbit::weight_rounding weight_rounding = lowbit::weight_rounding::nearest;
    /// Make up in the biases for the mean error of each layer's weights.
    bool bias_correction = false;
    /// By the name of the node.
    std::map<std::string, layer_recipe> layers{};
    requant_rounding rounding = requant_rounding::single;

    bool operator==(const recipe&) const = default;
};

}  // namespace lowbit
