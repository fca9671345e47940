// SPDX-License-Identifier: Apache-2.0
/// @file
/// Quantization-aware training: between the layers stands what the integer network will do, weights and activations on
/// their grids, and gradients pass straight through.
///
/// A network may keep its batch norms if its weights have a scale per channel: folding γ/σ into a channel's weights
/// folds it into their scale, S·γ/σ, and leaves the codes as they are. With one scale per tensor, fold before training.
#pragma once

#include "common/backprop.hpp"

#include <lowbit/core/eigen.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/train/fake_quantize.hpp>
#include <lowbit/train/lsq.hpp>
#include <lowbit/train/observer.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

enum class scale_rule {
    minmax,  ///< weights: their largest; activations: a moving average of the batches' extremes
    lsq,     ///< learned with the weights (Esser et al. 2020)
};

/// The grids of a network: scheme, parameters and, by LSQ, their gradients.
class simulated_quantization : public examples::simulation {
    using tensor = lowbit::tensor<float>;

public:
    /// Trains `network` from a quantized form of it: its schemes, zero points and (LSQ) the scales of activations.
    /// Activations by min/max are observed for `observed_steps`, then frozen. `resume`: the scales of weights too.
    simulated_quantization(const lowbit::graph& network, const lowbit::quantized_graph& start, scale_rule rule,
                           std::ptrdiff_t observed_steps, bool resume, lowbit::executor threads)
        : network_(network), rule_(rule), threads_(threads) {
        const auto owners = lowbit::code_owners(start.network);
        const auto readers = network.consumers();
        const auto index_in_start = [&](const std::string& name) {
            const auto& nodes = start.network.nodes();
            return std::find_if(nodes.begin(), nodes.end(), [&](const auto& n) { return n.name == name; }) -
                   nodes.begin();
        };
        std::map<std::ptrdiff_t, std::size_t> grid_of;  // of an edge of `start` that owns codes
        for (std::size_t i = 0; i < network.nodes().size(); ++i) {
            const lowbit::node& n = network.nodes()[i];
            weights_.emplace_back();
            outputs_.emplace_back();
            owners_.push_back(none);
            norms_.push_back(nullptr);
            if (n.has_weights()) {
                const auto& stored = start.layers[static_cast<std::size_t>(index_in_start(n.name))].weights;
                const auto scheme = std::get<lowbit::affine>(stored.scheme().value());
                const auto kept = std::get<lowbit::affine_tensor>(stored.value()).params();
                weights_[i] = grid(scheme,
                                   resume ? std::vector<lowbit::affine_params>(kept.begin(), kept.end())
                                          : lowbit::lsq_start(n.weights.view(), scheme),
                                   observed_steps);
                if (readers[i].size() == 1 && network[readers[i][0]].kind == lowbit::op::batch_norm) {
                    norms_[i] = &network[readers[i][0]].norm;
                    continue;  // the batch norm has the layer's output
                }
            }
            const bool folded = n.kind == lowbit::op::batch_norm;
            const std::ptrdiff_t at = index_in_start(folded ? network[n.inputs[0]].name : n.name);
            const std::ptrdiff_t owner = owners[static_cast<std::size_t>(at)].node;
            if (owner == at) {
                grid_of[at] = i;
                outputs_[i] = grid(start.edges[static_cast<std::size_t>(at)].scheme,
                                   {start.edges[static_cast<std::size_t>(at)].params}, observed_steps);
                outputs_[i].name = start.network.nodes()[static_cast<std::size_t>(at)].name;
                owners_[i] = i;
            } else if (n.kind == lowbit::op::average_pool || n.kind == lowbit::op::global_average_pool) {
                owners_[i] = grid_of.at(owner);  // rounded to the grid of what it reads
            }
        }
    }

    /// What LSQ learns: the logarithm of every scale, so that Adam's steps are relative.
    std::vector<examples::parameter> parameters() {
        std::vector<examples::parameter> all;
        if (rule_ == scale_rule::minmax) return all;
        for (std::vector<grid>* grids : {&weights_, &outputs_})
            for (std::size_t i = 0; i < grids->size(); ++i)
                if (grid& g = (*grids)[i]; !g.params.empty())
                    all.push_back({network_.nodes()[i].name + ".scale", &g.log_scale, &g.gradient});
        return all;
    }

    /// The recipe with every grid as it is now, for `quantize_model`.
    lowbit::recipe fixed(lowbit::recipe r) {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (!outputs_[i].params.empty()) r.layers[outputs_[i].name].activation_params = current(outputs_[i])[0];
            if (rule_ != scale_rule::lsq || weights_[i].params.empty()) continue;
            auto params = current(weights_[i]);
            for (std::size_t c = 0; norms_[i] && c < params.size(); ++c) {
                const auto channel = static_cast<std::ptrdiff_t>(c);
                params[c].scale *=
                    norms_[i]->gamma[channel] / std::sqrt(norms_[i]->variance[channel] + norms_[i]->epsilon);
            }
            r.layers[network_.nodes()[i].name].weight_params = params;
        }
        return r;
    }

    void weights(lowbit::edge layer, tensor& values) override {
        grid& g = weights_[index(layer)];
        g.params = rule_ == scale_rule::lsq ? current(g) : lowbit::choose_params(values.view(), g.scheme);
        lowbit::fake_quantize(values.view(), g.scheme, g.params, values.view(), threads_);
    }
    void weights_backward(lowbit::edge layer, const tensor& before, tensor& gradient) override {
        pass_back(weights_[index(layer)], before, gradient);
    }

    /// On the grid of the accumulators, S_x·S_w: coarse where both have few bits. (A bias that is yet to be folded out
    /// of a batch norm is not rounded: fold for the last part of training.)
    void bias(lowbit::edge layer, tensor& values) override {
        if (norms_[index(layer)] || values.empty()) return;
        lowbit::edge from = network_[layer].inputs[0];
        while (owners_[index(from)] == none) from = network_[from].inputs[0];
        const float input_scale = outputs_[owners_[index(from)]].params[0].scale;
        const auto& params = weights_[index(layer)].params;
        for (std::ptrdiff_t c = 0; c < values.size(); ++c) {
            const float step = input_scale * params[params.size() == 1 ? 0 : static_cast<std::size_t>(c)].scale;
            values[c] = step * std::nearbyint(values[c] / step);
        }
    }

    /// Edges with codes of their own, and averages, which are rounded to the grid of what they read.
    bool changes(lowbit::edge e) const override { return owners_[index(e)] != none; }
    void output(lowbit::edge e, tensor& values) override {
        grid& g = outputs_[owners_[index(e)]];
        if (owners_[index(e)] == index(e)) {
            if (rule_ == scale_rule::minmax && !frozen_) g.observer.observe(values);
            g.params = current(g);
        }
        lowbit::fake_quantize(values.view(), g.scheme, g.params, values.view(), threads_);
    }
    void output_backward(lowbit::edge e, const tensor& before, tensor& gradient) override {
        if (owners_[index(e)] == index(e)) pass_back(outputs_[index(e)], before, gradient);
    }

    /// No observing, for looking at a network without changing it.
    void freeze(bool frozen) { frozen_ = frozen; }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    struct grid {
        std::string name{};  ///< of an edge, in the quantized form
        lowbit::affine scheme{};
        std::vector<lowbit::affine_params> params{};  ///< empty: there is no grid
        tensor log_scale{}, gradient{};
        lowbit::training_observer observer{};

        grid() = default;
        grid(const lowbit::affine& s, std::vector<lowbit::affine_params> p, std::ptrdiff_t observed_steps)
            : scheme(s),
              params(std::move(p)),
              log_scale({std::ssize(params)}),
              gradient({std::ssize(params)}),
              observer(0.05f, observed_steps) {
            for (std::size_t i = 0; i < params.size(); ++i)
                log_scale[static_cast<std::ptrdiff_t>(i)] = std::log(params[i].scale);
        }
    };

    static std::size_t index(lowbit::edge e) { return static_cast<std::size_t>(e.node); }

    std::vector<lowbit::affine_params> current(grid& g) {
        std::vector<lowbit::affine_params> params = g.params;
        if (rule_ == scale_rule::lsq) {
            for (std::size_t i = 0; i < params.size(); ++i)
                params[i] = lowbit::lsq_params(std::exp(g.log_scale[static_cast<std::ptrdiff_t>(i)]),
                                               static_cast<float>(params[i].zero_point), g.scheme);
        } else if (&g >= outputs_.data() && &g < outputs_.data() + outputs_.size()) {
            params[0] = g.observer.params(g.scheme);
        }
        return params;
    }

    void pass_back(grid& g, const tensor& before, tensor& gradient) {
        if (rule_ == scale_rule::minmax)
            return lowbit::fake_quantize_backward(before.view(), gradient.view(), g.scheme, g.params, gradient.view(),
                                                  threads_);
        const auto learned = lowbit::lsq_backward(before.view(), gradient.view(), g.scheme, g.params, gradient.view(),
                                                  true, lowbit::gradient_mask::unrounded, threads_);
        for (std::size_t i = 0; i < learned.scale.size(); ++i)
            g.gradient[static_cast<std::ptrdiff_t>(i)] = learned.scale[i] * g.params[i].scale;
    }

    const lowbit::graph& network_;
    scale_rule rule_;
    lowbit::executor threads_;
    std::vector<grid> weights_, outputs_;
    std::vector<std::size_t> owners_;                         // whose grid a node's output is on
    std::vector<const lowbit::batch_norm_options*> norms_{};  // that follows a layer
    bool frozen_ = false;
};
