// SPDX-License-Identifier: Apache-2.0
/// @file
/// Post-training quantization in one call: a trained network, some batches of its input, a recipe; out come the
/// network in integers and a report on each layer.
///
///     auto model = quantize_model(net, calibration_batches, recipe{});
///     tensor<float> scores = model.network.run(images);
#pragma once

#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/observers.hpp>
#include <lowbit/model/equalize.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/recipe.hpp>
#include <lowbit/model/report.hpp>
#include <lowbit/model/rescale_inputs.hpp>
#include <lowbit/model/rotate.hpp>
#include <lowbit/model/round_weights.hpp>

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// Shown how much of the work is done, 0 … 1, and what comes next.
using progress_callback = std::function<void(double, std::string_view)>;

/// The result of `quantize_model`.
struct quantized_model {
    integer_network network;
    std::vector<layer_report> layers;  ///< measured on the first calibration batch
};

namespace detail {

/// The recipe's word on a node: its own, or that of the ReLU that it is fused with.
inline const layer_recipe* override_of(const recipe& r, const graph& g, edge e) {
    const auto found = r.layers.find(g[e].name);
    return found == r.layers.end() ? nullptr : &found->second;
}

inline void check_names(const recipe& r, const graph& g) {
    for (const auto& [name, unused] : r.layers) check(g.find(name) != nullptr, "recipe: no node is named '", name, "'");
}

/// The scheme of each edge that owns codes; the others' are not looked at.
inline std::vector<affine> activation_schemes(const graph& g, const recipe& r, const std::vector<edge>& owners) {
    std::vector<affine> schemes(g.nodes().size(), r.activations);
    const auto of = [&](edge e) -> affine& {
        return schemes[static_cast<std::size_t>(owners[static_cast<std::size_t>(e.node)].node)];
    };
    if (r.first_and_last_at_8_bits) {
        for (const edge e : g.inputs()) of(e).bits = 8;
        for (const edge e : g.outputs()) of(e).bits = 8;
        if (const auto layers = g.weighted(); !layers.empty()) of(g[layers.back()].inputs[0]).bits = 8;
    }
    for (const edge e : g.all(op::hadamard)) of(g[e].inputs[0]).bits = 8;
    for (int i = 0; i < g.size(); ++i) {
        const layer_recipe* own = override_of(r, g, {i});
        if (own != nullptr && own->activations) of({i}) = *own->activations;
    }
    return schemes;
}

/// What calibration sees of one edge: extremes, or a histogram where the clipping method needs more.
class edge_statistics {
public:
    explicit edge_statistics(const affine& scheme) : scheme_(scheme) {}

    void observe(tensor_view<const float> values) {
        if (scheme_.clip.method == clip_method::minmax) {
            extremes_.observe(values);
        } else {
            histogram_.observe(values);
        }
    }
    affine_params params() const {
        if (scheme_.clip.method == clip_method::minmax) return choose_params(extremes_.observed(), scheme_);
        const range covered =
            choose_range(histogram_.counted(), scheme_.clip, scheme_.bits, scheme_.symmetric, scheme_.is_signed);
        return choose_params(covered, scheme_);
    }

private:
    affine scheme_;
    min_max_observer extremes_;
    histogram_observer histogram_;
};

/// Calibrated or given parameters of every edge.
inline std::vector<edge_codes> choose_edges(const graph& g, std::span<const tensor<float>> batches, const recipe& r,
                                            const executor& pool, const progress_callback& progress) {
    const auto owners = code_owners(g);
    const auto schemes = activation_schemes(g, r, owners);
    std::vector<edge_statistics> seen(schemes.begin(), schemes.end());
    const auto owns = [&](edge e) { return owners[static_cast<std::size_t>(e.node)] == e; };
    for (std::size_t i = 0; i < batches.size(); ++i) {
        if (progress) progress(0.4 * static_cast<double>(i) / static_cast<double>(batches.size()), "calibrating");
        float_run(
            g, batches[i],
            [&](edge e, const node&, tensor_view<const float> values) {
                if (owns(e)) seen[static_cast<std::size_t>(e.node)].observe(values);
            },
            pool);
    }
    std::vector<edge_codes> edges;
    for (std::size_t i = 0; i < schemes.size(); ++i) {
        const auto owner = static_cast<std::size_t>(owners[i].node);
        edges.push_back({schemes[owner], owns(edge{static_cast<int>(i)}) ? seen[i].params() : affine_params{}});
    }
    for (int i = 0; i < g.size(); ++i) {
        const layer_recipe* own = override_of(r, g, {i});
        if (own == nullptr || !own->activation_params) continue;
        edge_codes& fixed = edges[static_cast<std::size_t>(owners[static_cast<std::size_t>(i)].node)];
        fixed.params = *own->activation_params;
        check_params(fixed.scheme, std::span(&fixed.params, 1), 1);
    }
    for (std::size_t i = 0; i < edges.size(); ++i) edges[i] = edges[static_cast<std::size_t>(owners[i].node)];
    return edges;
}

inline any_scheme at_8_bits(const any_scheme& s) {
    return s.visit([](const auto& chosen) -> any_scheme {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(chosen)>, affine>) {
            affine wider = chosen;
            wider.bits = 8;
            return wider;
        } else {
            return affine{.bits = 8, .granularity = per_channel(0)};
        }
    });
}

/// The scheme of each layer's weights.
inline std::vector<any_scheme> weight_schemes(const graph& g, const recipe& r) {
    std::vector<any_scheme> schemes(g.nodes().size(), r.weights);
    const std::vector<edge> layers = g.weighted();
    if (r.first_and_last_at_8_bits && !layers.empty()) {
        for (const edge e : {layers.front(), layers.back()})
            schemes[static_cast<std::size_t>(e.node)] = at_8_bits(r.weights);
    }
    for (const edge e : layers) {
        const layer_recipe* own = override_of(r, g, e);
        if (own != nullptr && own->weights) schemes[static_cast<std::size_t>(e.node)] = *own->weights;
    }
    return schemes;
}

/// Weights and bias of every layer.
inline std::vector<quantized_layer> quantize_layers(const graph& g, std::span<const tensor<float>> batches,
                                                    const recipe& r, const executor& pool,
                                                    const progress_callback& progress) {
    const auto schemes = weight_schemes(g, r);
    const auto rounding_of = [&](edge e) {
        const layer_recipe* own = override_of(r, g, e);
        return own != nullptr && own->weight_rounding ? *own->weight_rounding : r.weight_rounding;
    };
    const auto fit_of = [&](edge e) {
        const layer_recipe* own = override_of(r, g, e);
        return own != nullptr && own->weight_fit ? *own->weight_fit : r.weight_fit;
    };
    const auto layers = g.weighted();
    const bool needs_data = r.bias_correction || std::any_of(layers.begin(), layers.end(), [&](edge e) {
                                return rounding_of(e) != weight_rounding::nearest || fit_of(e) == weight_fit::awq;
                            });
    std::vector<group_moments> moments(g.nodes().size());
    if (needs_data) {
        if (progress) progress(0.4, "measuring the layers' inputs");
        moments = layer_moments(g, batches, pool);
    }
    std::vector<quantized_layer> quantized(g.nodes().size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto at = static_cast<std::size_t>(layers[i].node);
        const node& n = g[layers[i]];
        if (progress) progress(0.5 + 0.4 * static_cast<double>(i) / static_cast<double>(layers.size()), n.name);
        const layer_recipe* own = override_of(r, g, layers[i]);
        const auto params = own != nullptr && !own->weight_params.empty()
                                ? own->weight_params
                                : fit_params(n, schemes[at], fit_of(layers[i]), moments[at], pool);
        quantized[at] = {round_weights(n, schemes[at], params, rounding_of(layers[i]), moments[at], pool), n.bias};
        if (r.bias_correction) quantized[at].bias = corrected_bias(n, quantized[at].weights, moments[at]);
    }
    return quantized;
}

}  // namespace detail

/// The network as it is quantized: batch norms folded and, where the recipe says so, equalized, smoothed, scaled and
/// rotated. It computes the same.
inline graph prepare_graph(const graph& g, std::span<const tensor<float>> batches, const recipe& r,
                           const executor& pool = {}) {
    graph prepared = fold_batch_norms(g);
    if (r.equalize) {
        relax_relu6(prepared, batches, pool);
        equalize(prepared);
        absorb_high_biases(prepared, batches, pool);
    }
    if (r.smoothquant) smooth_activations(prepared, batches, *r.smoothquant, pool);
    if (r.awq) {
        const auto schemes = detail::weight_schemes(prepared, r);
        activation_aware_scales(
            prepared, batches, [&](edge e) { return schemes[static_cast<std::size_t>(e.node)]; }, pool);
    }
    const auto rotates = [&](const node& n) {
        const auto own = r.layers.find(n.name);
        return own != r.layers.end() && own->second.rotate ? *own->second.rotate : r.rotate;
    };
    if (std::any_of(prepared.nodes().begin(), prepared.nodes().end(), rotates))
        prepared = rotate_layers(prepared, rotates);
    return prepared;
}

/// The quantized form alone. Errors: no calibration batch, a name in the recipe that no node has; what schemes,
/// observers and the graph refuse.
inline quantized_graph quantize_graph(const graph& g, std::span<const tensor<float>> batches, const recipe& r,
                                      const progress_callback& progress = {}, const executor& pool = {}) {
    check(!batches.empty(), "quantize_model: no calibration batch");
    detail::check_names(r, g);
    if (progress) progress(0, "preparing");
    quantized_graph q{.network = prepare_graph(g, batches, r, pool), .rounding = r.rounding};
    q.edges = detail::choose_edges(q.network, batches, r, pool, progress);
    q.layers = detail::quantize_layers(q.network, batches, r, pool, progress);
    return q;
}

/// Quantizes, packs and measures. Batches: of the network's only input. Errors: as `quantize_graph` and
/// `integer_network`.
inline quantized_model quantize_model(const graph& g, std::span<const tensor<float>> batches, const recipe& r = {},
                                      const progress_callback& progress = {}, const executor& pool = {}) {
    integer_network network(quantize_graph(g, batches, r, progress, pool));
    if (progress) progress(0.9, "measuring");
    auto layers = report_layers(network, batches[0], pool);
    if (progress) progress(1.0, "done");
    return {std::move(network), std::move(layers)};
}

}  // namespace lowbit
