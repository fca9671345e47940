// SPDX-License-Identifier: Apache-2.0
/// @file
/// Mixed precision: which layer gets how many bits, so that the network fits a budget and loses least.
///
/// Losses of single layers are taken to add up (model/sensitivity.hpp), which makes the choice a knapsack with one
/// option per layer. It is solved exactly: layer by layer, all pairs (cost, loss) that no other beats in both are kept.
/// As losses add up only nearly, the best uniform choices within the budget are measured beside it, and the best wins:
/// never worse, on the data given, than any one scheme for all layers.
#pragma once

#include <lowbit/model/sensitivity.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

/// What a budget counts.
enum class budget_kind {
    bytes,           ///< of the weights as stored
    bit_operations,  ///< multiply-accumulates times bits of weights and activations
};

/// One option for each layer.
struct bit_assignment {
    std::vector<std::size_t> options{};  ///< into each layer's options
    double cost = 0;
    double loss = 0;  ///< the sum of the layers' losses
};

inline double cost_of(const sensitivity& option, budget_kind kind) {
    return kind == budget_kind::bytes ? static_cast<double>(option.bytes) : option.bit_operations;
}

/// The assignment with the least summed loss whose cost is within the budget. Exact. Complexity O(layers·options·kept
/// pairs). Errors: a budget that the cheapest options do not fit.
inline bit_assignment solve_knapsack(std::span<const layer_sensitivity> layers, double budget,
                                     budget_kind kind = budget_kind::bytes) {
    struct state {
        double cost, loss;
        std::size_t before, option;
    };
    double cheapest_rest = 0;
    for (const layer_sensitivity& layer : layers) {
        double cheapest = std::numeric_limits<double>::max();
        for (const sensitivity& option : layer.options) cheapest = std::min(cheapest, cost_of(option, kind));
        cheapest_rest += cheapest;
    }
    check(cheapest_rest <= budget, "solve_knapsack: a budget of ", budget, "; the cheapest options take ",
          cheapest_rest);

    std::vector<std::vector<state>> kept{{{0, 0, 0, 0}}};
    for (const layer_sensitivity& layer : layers) {
        std::vector<state> all, best;
        for (std::size_t i = 0; i < kept.back().size(); ++i)
            for (std::size_t o = 0; o < layer.options.size(); ++o)
                all.push_back({kept.back()[i].cost + cost_of(layer.options[o], kind),
                               kept.back()[i].loss + layer.options[o].loss, i, o});
        std::sort(all.begin(), all.end(),
                  [](const state& a, const state& b) { return a.cost != b.cost ? a.cost < b.cost : a.loss < b.loss; });
        for (const state& s : all)
            if (s.cost <= budget && (best.empty() || s.loss < best.back().loss)) best.push_back(s);
        kept.push_back(std::move(best));
    }
    bit_assignment result{.cost = kept.back().back().cost, .loss = kept.back().back().loss};
    std::size_t at = kept.back().size() - 1;
    for (std::size_t layer = layers.size(); layer > 0; --layer) {
        const state& s = kept[layer][at];
        result.options.insert(result.options.begin(), s.option);
        at = s.before;
    }
    return result;
}

/// The result of a search: the recipe with a scheme for each layer, and what was measured with all of them in place.
struct mixed_precision_result {
    recipe found{};
    bit_assignment assignment{};
    double measured_loss = 0;
    bool uniform = false;  ///< one scheme for all layers was the best
};

/// Chooses a scheme for each layer from an analysis of the same network, data and base recipe: the knapsack's choice,
/// or the best uniform one if that loses less when all layers are changed together. Errors: as solve_knapsack.
inline mixed_precision_result search_mixed_precision(const graph& g, std::span<const tensor<float>> batches,
                                                     std::span<const layer_sensitivity> layers, double budget,
                                                     budget_kind kind = budget_kind::bytes, const recipe& base = {},
                                                     const executor& pool = {}) {
    const graph exact = prepare_graph(g, batches, base, pool);
    std::vector<tensor<float>> truth;
    for (const tensor<float>& batch : batches) truth.push_back(float_run(exact, batch, {}, pool));

    std::vector<bit_assignment> candidates{solve_knapsack(layers, budget, kind)};
    const std::size_t options = layers.empty() ? 0 : layers[0].options.size();
    for (std::size_t o = 0; o < options; ++o) {
        bit_assignment uniform{.options = std::vector<std::size_t>(layers.size(), o)};
        for (const layer_sensitivity& layer : layers) {
            uniform.cost += cost_of(layer.options[o], kind);
            uniform.loss += layer.options[o].loss;
        }
        if (uniform.cost <= budget) candidates.push_back(std::move(uniform));
    }
    mixed_precision_result best{.measured_loss = std::numeric_limits<double>::max()};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        graph changed = exact;
        for (std::size_t l = 0; l < layers.size(); ++l)
            detail::replace_weights(changed.at(layers[l].name), layers[l].options[candidates[i].options[l]].layer);
        const double loss = measure_quality(truth, changed, batches, {}, pool).loss;
        if (loss < best.measured_loss) best = {base, candidates[i], loss, i > 0};
    }
    for (std::size_t l = 0; l < layers.size(); ++l)
        best.found.layers[layers[l].name].weights = layers[l].options[best.assignment.options[l]].scheme;
    return best;
}

}  // namespace lowbit
