// SPDX-License-Identifier: Apache-2.0
/// @file
/// What quantization did to each layer: how far its weights and outputs are from float, how much of them is cut off,
/// and whether the integers are those that a simulation with fake quantization promises.
#pragma once

#include <lowbit/calibrate/range.hpp>
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/simulate.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace lowbit {

/// One step of the integer network. Steps without weights have no scheme, no weight SQNR and no bytes.
struct layer_report {
    std::string name{};         ///< of the node
    std::string kind{};         ///< "conv2d", …
    std::string weights{};      ///< scheme string
    std::string activations{};  ///< scheme string of the output
    double weight_sqnr_db = std::numeric_limits<double>::infinity();
    double output_sqnr_db = 0;  ///< integer run, all layers before it included, against float
    double saturation = 0;      ///< share of the outputs on an end of the codes that the float value is beyond
    range seen{};               ///< of the float output
    affine_params output{};
    std::ptrdiff_t bytes = 0;  ///< of the weights as stored, and of the biases
    /// Against fake quantization in float of the same layer on the integer run's own input codes: the largest
    /// difference in codes, and the share of codes that differ.
    std::int32_t largest_difference = 0;
    double difference_rate = 0;
};

/// Bytes of a layer as stored: codes, scales and codebooks of the weights; biases as int32.
inline std::ptrdiff_t stored_bytes(const quantized_layer& layer) {
    return layer.weights.bytes() + 4 * layer.bias.size();
}

namespace detail {

inline void accumulate(error_sums& to, const error_sums& more) {
    to.signal += more.signal;
    to.noise += more.noise;
    to.cross += more.cross;
    to.approx += more.approx;
    to.max_error = std::max(to.max_error, more.max_error);
    to.count += more.count;
}

template <class T>
tensor<T> typed_codes(const code_view& codes) {
    tensor<T> copy(codes.shape());
    for (std::ptrdiff_t i = 0; i < copy.size(); ++i) copy[i] = static_cast<T>(codes[i]);
    return copy;
}

/// What is added up over chunks of the data.
struct layer_sums {
    error_sums output{};
    range seen{std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()};
    std::ptrdiff_t saturated = 0, differing = 0;
    std::int32_t largest = 0;

    /// One batch of one step: the float values, the integer run's codes, and those of fake quantization.
    template <class T>
    void add(tensor_view<const float> truth, const tensor<T>& codes, const edge_codes& meaning, const tensor<T>& fake) {
        accumulate(output,
                   compare(truth, decode_codes(code_view(codes.data(), std::is_signed_v<T>, codes.shape()), meaning)));
        const float low = meaning.decode(meaning.scheme.lowest()) - meaning.params.scale / 2;
        const float high = meaning.decode(meaning.scheme.highest()) + meaning.params.scale / 2;
        for (std::ptrdiff_t i = 0; i < codes.size(); ++i) {
            saturated += truth[i] < low || truth[i] > high;
            seen = merged(seen, {truth[i], truth[i]});
            const std::int32_t difference = std::abs(std::int32_t{codes[i]} - fake[i]);
            differing += difference != 0;
            largest = std::max(largest, difference);
        }
    }
};

template <class T>
std::vector<layer_sums> sum_layers(const integer_network& network, tensor_view<const float> x, const executor& pool) {
    const quantized_graph& q = network.quantized();
    std::vector<layer_sums> sums(network.steps().size());
    std::vector<tensor<float>> truth(q.edges.size());
    float_run(
        q.network, x,
        [&](edge e, const node&, tensor_view<const float> value) {
            truth[static_cast<std::size_t>(e.node)] = tensor<float>(value);
        },
        pool);
    std::vector<tensor<T>> codes(q.edges.size());
    const auto at = [&](edge e) -> tensor<T>& { return codes[static_cast<std::size_t>(e.node)]; };
    network.run(x, pool, [&](edge e, const node&, const code_view& view) { at(e) = typed_codes<T>(view); });
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const integer_step& step = network.steps()[i];
        std::vector<tensor_view<const T>> inputs;
        for (const edge e : step.inputs) inputs.push_back(std::as_const(at(e)).view());
        sums[i].add<T>(truth[static_cast<std::size_t>(step.output.node)], at(step.output),
                       network.codes_of(step.output), fake_quantized_step<T>(q, step, inputs, pool));
    }
    return sums;
}

inline void merge_layers(std::vector<layer_sums>& all, std::vector<layer_sums> more) {
    if (all.empty()) return all.swap(more);
    for (std::size_t i = 0; i < all.size(); ++i) {
        accumulate(all[i].output, more[i].output);
        all[i].seen = merged(all[i].seen, more[i].seen);
        all[i].saturated += more[i].saturated;
        all[i].differing += more[i].differing;
        all[i].largest = std::max(all[i].largest, more[i].largest);
    }
}

}  // namespace detail

/// One row per step of the integer network, measured on x, a batch of its only input. Memory is that of 64 samples.
inline std::vector<layer_report> report_layers(const integer_network& network, tensor_view<const float> x,
                                               const executor& pool = {}) {
    const quantized_graph& q = network.quantized();
    check(x.rank() > 0 && x.shape()[0] > 0, "report_layers: no samples");
    std::vector<detail::layer_sums> sums;
    const std::ptrdiff_t size = x.size() / x.shape()[0], at_once = 64;
    for (std::ptrdiff_t first = 0; first < x.shape()[0]; first += at_once) {
        const std::ptrdiff_t count = std::min(at_once, x.shape()[0] - first);
        const tensor_view<const float> part(x.data() + first * size, with_batch(x.shape(), count));
        detail::merge_layers(sums, network.is_signed() ? detail::sum_layers<std::int8_t>(network, part, pool)
                                                       : detail::sum_layers<std::uint8_t>(network, part, pool));
    }
    std::vector<layer_report> rows;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const integer_step& step = network.steps()[i];
        const node& n = q.network[step.node];
        const edge_codes& codes = network.codes_of(step.output);
        const auto count = static_cast<double>(std::max<std::ptrdiff_t>(sums[i].output.count, 1));
        layer_report row{.name = n.name,
                         .kind = std::string(to_string(n.kind)),
                         .activations = to_string(codes.scheme),
                         .output_sqnr_db = sums[i].output.sqnr_db(),
                         .saturation = static_cast<double>(sums[i].saturated) / count,
                         .seen = sums[i].seen,
                         .output = codes.params,
                         .largest_difference = sums[i].largest,
                         .difference_rate = static_cast<double>(sums[i].differing) / count};
        if (n.has_weights()) {
            const quantized_layer& layer = q.layers[static_cast<std::size_t>(step.node.node)];
            row.weights = to_string(layer.weights.scheme());
            row.weight_sqnr_db = sqnr_db(n.weights, dequantize(layer.weights));
            row.bytes = stored_bytes(layer);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace lowbit
