// SPDX-License-Identifier: Apache-2.0
/// @file
/// Gradients of a lowbit::graph: a forward pass that remembers every edge, and the same way back.
#pragma once

#include "layers.hpp"

#include <string>
#include <vector>

namespace examples {

/// One learned tensor and where its gradient is found.
struct parameter {
    std::string name{};
    tensor<float>* value = nullptr;
    tensor<float>* gradient = nullptr;
    bool decays = false;  ///< weights shrink under weight decay; biases and batch norm do not
};

enum class pass {
    training,   ///< batch norm sees the batch, and remembers its running average
    inference,  ///< batch norm uses what it remembers
};

/// What stands between the layers in quantization-aware training. The functions change what they are given in place;
/// backward ones see what their forward ones saw.
class simulation {
public:
    virtual ~simulation() = default;
    /// Weights as the layer will use them, and the gradient's way back.
    virtual void weights(lowbit::edge layer, tensor<float>& values) = 0;
    virtual void weights_backward(lowbit::edge layer, const tensor<float>& before, tensor<float>& gradient) = 0;
    /// The bias likewise, after the weights; its gradient passes unchanged.
    virtual void bias(lowbit::edge layer, tensor<float>& values) = 0;
    /// Whether a node's output is changed at all; then how, and the gradient's way back.
    virtual bool changes(lowbit::edge node) const = 0;
    virtual void output(lowbit::edge node, tensor<float>& values) = 0;
    virtual void output_backward(lowbit::edge node, const tensor<float>& before, tensor<float>& gradient) = 0;
};

/// Runs a network, which it borrows and whose weights may change between runs, on batches of any size.
class backprop {
public:
    explicit backprop(lowbit::graph& network, executor threads = {}, simulation* simulated = nullptr)
        : network_(network),
          threads_(threads),
          simulated_(simulated),
          states_(static_cast<std::size_t>(network.size())) {
        lowbit::check(network.inputs().size() == 1 && network.outputs().size() == 1,
                      "backprop: expects a network with one input and one output");
        for (int i = 0; i < network.size(); ++i) {
            lowbit::node& n = network[lowbit::edge{i}];
            state& s = states_[static_cast<std::size_t>(i)];
            const auto learn = [&](const char* name, tensor<float>& value, tensor<float>& gradient, bool decays) {
                gradient = tensor<float>(value.shape());
                if (!value.empty()) parameters_.push_back({n.name + name, &value, &gradient, decays});
            };
            if (n.has_weights()) {
                learn(".weights", n.weights, s.first, true);
                learn(".bias", n.bias, s.second, false);
            } else if (n.kind == lowbit::op::batch_norm) {
                learn(".gamma", n.norm.gamma, s.first, false);
                learn(".beta", n.norm.beta, s.second, false);
            } else {
                lowbit::check(
                    n.kind != lowbit::op::activation && n.kind != lowbit::op::softmax && n.kind != lowbit::op::hadamard,
                    "backprop: ", describe(n), " has no gradient here");
            }
        }
    }

    /// Everything learned, in the order of the nodes.
    const std::vector<parameter>& parameters() const { return parameters_; }

    /// Where the next batch goes: [batch, …] of the network's input.
    tensor<float>& input(std::ptrdiff_t batch) {
        if (batch != batch_) {
            batch_ = batch;
            for (int i = 0; i < network_.size(); ++i) {
                const tensor_shape shape = with_batch(network_.nodes()[static_cast<std::size_t>(i)].shape, batch);
                states_[static_cast<std::size_t>(i)].value = tensor<float>(shape);
                states_[static_cast<std::size_t>(i)].gradient = tensor<float>(shape);
            }
        }
        return at(network_.inputs()[0]).value;
    }

    /// The output (before any softmax) for what was put into `input`.
    const tensor<float>& forward(pass mode) {
        for (int i = 0; i < network_.size(); ++i) {
            const lowbit::edge e{i};
            lowbit::node& n = network_[e];
            state& s = at(e);
            if (simulated_ && n.has_weights()) {
                s.weights = n.weights;
                simulated_->weights(e, s.weights);
                s.bias = n.bias;
                simulated_->bias(e, s.bias);
            }
            forward(n, s, mode);
            if (simulated_ && simulated_->changes(e)) {
                s.before = s.value;
                simulated_->output(e, s.value);
            }
        }
        return at(network_.outputs()[0]).value;
    }

    /// The mean cross-entropy of the last forward pass (in training), and every parameter's gradient; with soft targets
    /// the gradient of their loss.
    double backward(std::span<const int> labels, const soft_targets<float>& soft = {}) {
        for (state& s : states_) {
            std::fill(s.gradient.begin(), s.gradient.end(), 0.0f);
            std::fill(s.first.begin(), s.first.end(), 0.0f);
            std::fill(s.second.begin(), s.second.end(), 0.0f);
        }
        state& out = at(network_.outputs()[0]);
        const double loss = cross_entropy(out.value, labels, out.gradient);
        if (soft.logits != nullptr) add_soft_targets(out.value, soft, out.gradient);
        for (int i = network_.size() - 1; i >= 0; --i) {
            const lowbit::edge e{i};
            lowbit::node& n = network_[e];
            state& s = at(e);
            if (simulated_ && simulated_->changes(e)) simulated_->output_backward(e, s.before, s.gradient);
            backward(n, s, simulated_ && simulated_->changes(e) ? s.before : s.value);
            if (simulated_ && n.has_weights()) simulated_->weights_backward(e, n.weights, s.first);
        }
        return loss;
    }

    /// What a node computed in the last forward pass.
    const tensor<float>& value(lowbit::edge e) const { return states_[static_cast<std::size_t>(e.node)].value; }

private:
    struct state {
        tensor<float> value{}, gradient{};
        tensor<float> first{}, second{};  ///< gradients of weights and bias, or of gamma and beta
        tensor<float> weights{}, bias{};  ///< as simulated
        tensor<float> before{};           ///< the output before it was changed
        norm_statistics<float> norm{};
    };

    const tensor<float>& weights_of(const lowbit::node& n, const state& s) const {
        return simulated_ ? s.weights : n.weights;
    }
    const tensor<float>& bias_of(const lowbit::node& n, const state& s) const { return simulated_ ? s.bias : n.bias; }
    state& at(lowbit::edge e) { return states_[static_cast<std::size_t>(e.node)]; }

    void forward(lowbit::node& n, state& s, pass mode) {
        using lowbit::op;
        if (n.kind == op::input) return;
        const tensor<float>& x = at(n.inputs[0]).value;
        tensor<float>& y = s.value;
        switch (n.kind) {
            case op::conv2d:
                return conv2d_forward(n, x, weights_of(n, s), bias_of(n, s), y, threads_);
            case op::depthwise_conv2d:
                return depthwise_forward(n, x, weights_of(n, s), bias_of(n, s), y, threads_);
            case op::linear:
                return linear_forward(x, weights_of(n, s), bias_of(n, s), y, threads_);
            case op::batch_norm:
                set_statistics(n, s, x, mode);
                return batch_norm_forward(x, s.norm, n.norm.gamma, n.norm.beta, y, threads_);
            case op::relu:
                return map_forward(x, y, threads_, [](float v) { return v > 0 ? v : 0.0f; });
            case op::relu6:
                if (!n.ceiling.empty()) return clamp_forward(x, n.ceiling, y, threads_);
                return map_forward(x, y, threads_, [](float v) { return v > 0 ? (v < 6 ? v : 6.0f) : 0.0f; });
            case op::max_pool:
                return max_pool_forward(n, x, y, threads_);
            case op::average_pool:
                return average_pool_forward(n, x, y, threads_);
            case op::global_average_pool:
                return average_pool_forward(whole_image(n, x.shape()), x, y, threads_);
            case op::add:
                lowbit::as_array(y.view()) =
                    lowbit::as_array(x.view()) + lowbit::as_array(at(n.inputs[1]).value.view());
                return;
            case op::mul:
                lowbit::as_array(y.view()) =
                    lowbit::as_array(x.view()) * lowbit::as_array(at(n.inputs[1]).value.view());
                return;
            case op::concat:
                return for_concat_runs(y.shape(), n.axis, shapes(n),
                                       [&](std::size_t part, auto from, auto to, auto length) {
                                           std::copy_n(at(n.inputs[part]).value.data() + from, length, y.data() + to);
                                       });
            default:
                std::copy(x.begin(), x.end(), y.begin());
        }
    }

    /// y: the node's own output, before anything changed it.
    void backward(lowbit::node& n, state& s, const tensor<float>& y) {
        using lowbit::op;
        if (n.kind == op::input) return;
        state& in = at(n.inputs[0]);
        const tensor<float>&x = in.value, &dy = s.gradient;
        tensor<float>& dx = in.gradient;
        // Nobody wants the gradient of the images.
        tensor<float>* wanted = network_[n.inputs[0]].kind == op::input ? nullptr : &dx;
        switch (n.kind) {
            case op::conv2d:
                return conv2d_backward(n, x, weights_of(n, s), dy, wanted, s.first, s.second, threads_);
            case op::depthwise_conv2d:
                return depthwise_backward(n, x, weights_of(n, s), dy, wanted, s.first, s.second, threads_);
            case op::linear:
                return linear_backward(x, weights_of(n, s), dy, wanted, s.first, s.second, threads_);
            case op::batch_norm:
                return batch_norm_backward(x, s.norm, n.norm.gamma, dy, wanted, s.first, s.second, threads_);
            case op::relu:
                return mask_backward(y, dy, dx, threads_, [](float v) { return v > 0; });
            case op::relu6:
                if (!n.ceiling.empty()) return clamp_backward(y, n.ceiling, dy, dx, threads_);
                return mask_backward(y, dy, dx, threads_, [](float v) { return v > 0 && v < 6; });
            case op::max_pool:
                return max_pool_backward(n, x, y, dy, dx, threads_);
            case op::average_pool:
                return average_pool_backward(n, dy, dx, threads_);
            case op::global_average_pool:
                return average_pool_backward(whole_image(n, x.shape()), dy, dx, threads_);
            case op::add:
                add_to(dx.data(), dy.data(), dy.size());
                return add_to(at(n.inputs[1]).gradient.data(), dy.data(), dy.size());
            case op::mul: {
                state& other = at(n.inputs[1]);
                add_product_to(dx.data(), dy.data(), other.value.data(), dy.size());
                return add_product_to(other.gradient.data(), dy.data(), x.data(), dy.size());
            }
            case op::concat:
                return for_concat_runs(y.shape(), n.axis, shapes(n),
                                       [&](std::size_t part, auto to, auto from, auto length) {
                                           add_to(at(n.inputs[part]).gradient.data() + to, dy.data() + from, length);
                                       });
            default:
                add_to(dx.data(), dy.data(), dy.size());
        }
    }

    void set_statistics(lowbit::node& n, state& s, const tensor<float>& x, pass mode) {
        if (mode == pass::training) {
            constexpr float momentum = 0.1f;
            std::vector<float> variance;
            s.norm = batch_statistics(x, n.norm.epsilon, variance, threads_);
            for (std::ptrdiff_t c = 0; c < n.norm.mean.size(); ++c) {
                const auto i = static_cast<std::size_t>(c);
                n.norm.mean[c] += momentum * (s.norm.mean[i] - n.norm.mean[c]);
                n.norm.variance[c] += momentum * (variance[i] - n.norm.variance[c]);
            }
        } else {
            s.norm.mean.assign(n.norm.mean.begin(), n.norm.mean.end());
            s.norm.inverse_deviation.clear();
            for (const float v : n.norm.variance)
                s.norm.inverse_deviation.push_back(1.0f / std::sqrt(v + n.norm.epsilon));
        }
    }

    std::vector<tensor_shape> shapes(const lowbit::node& n) {
        std::vector<tensor_shape> all;
        for (const lowbit::edge e : n.inputs) all.push_back(at(e).value.shape());
        return all;
    }

    lowbit::graph& network_;
    executor threads_;
    simulation* simulated_;
    std::vector<state> states_;
    std::vector<parameter> parameters_;
    std::ptrdiff_t batch_ = 0;
};

}  // namespace examples
