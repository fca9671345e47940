// SPDX-License-Identifier: Apache-2.0
/// @file
/// A network: nodes in topological order, each with a unique name, an inferred shape and float weights.
///
/// Built by calls that take edges and return edges; an edge is the one output of a node:
/// ```cpp
/// graph g;
/// auto x = g.input({1, 28, 28, 1}, "image");
/// x = g.conv2d(x, {.weights = w, .bias = b, .stride = {1, 1}, .padding = same()}, "conv1");
/// x = g.relu(x);
/// x = g.max_pool(x, {.size = {2, 2}});
/// x = g.linear(g.flatten(x), {.weights = w2, .bias = b2}, "fc");
/// g.output(x);
/// ```
/// Axis 0 of every shape is the batch. The extent given to `input` only stands for it: a run takes any batch, and
/// `with_batch(node.shape, n)` is what it computes. Nothing but the batch may vary.
#pragma once

#include <lowbit/model/node.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// A network: nodes in topological order. A value: copyable.
class graph {
public:
    /// Where data enters. Shape: batch first, at least two axes.
    edge input(const tensor_shape& shape, std::string name = "") {
        check(shape.rank() >= 2, "input: ", to_string(shape), " needs a batch axis and at least one more");
        return append({.kind = op::input, .name = std::move(name), .shape = shape});
    }
    edge conv2d(edge x, conv2d_options o, std::string name = "") {
        return append({.kind = op::conv2d,
                       .name = std::move(name),
                       .inputs = {x},
                       .weights = std::move(o.weights),
                       .bias = std::move(o.bias),
                       .window = {{}, o.stride, o.dilation, o.padding},
                       .groups = o.groups});
    }
    edge depthwise_conv2d(edge x, depthwise_conv2d_options o, std::string name = "") {
        return append({.kind = op::depthwise_conv2d,
                       .name = std::move(name),
                       .inputs = {x},
                       .weights = std::move(o.weights),
                       .bias = std::move(o.bias),
                       .window = {{}, o.stride, o.dilation, o.padding}});
    }
    edge linear(edge x, linear_options o, std::string name = "") {
        return append({.kind = op::linear,
                       .name = std::move(name),
                       .inputs = {x},
                       .weights = std::move(o.weights),
                       .bias = std::move(o.bias)});
    }
    edge batch_norm(edge x, batch_norm_options o, std::string name = "") {
        return append({.kind = op::batch_norm, .name = std::move(name), .inputs = {x}, .norm = std::move(o)});
    }
    edge relu(edge x, std::string name = "") { return unary(op::relu, x, std::move(name)); }
    /// min(max(x, 0), 6).
    edge relu6(edge x, std::string name = "") { return unary(op::relu6, x, std::move(name)); }
    /// Any function of one number (model/activations.hpp has the usual ones).
    edge activate(edge x, activation function, std::string name = "") {
        return append(
            {.kind = op::activation, .name = std::move(name), .inputs = {x}, .function = std::move(function)});
    }
    edge max_pool(edge x, const pool_options& o = {}, std::string name = "") {
        return append({.kind = op::max_pool,
                       .name = std::move(name),
                       .inputs = {x},
                       .window = {o.size, o.stride, {1, 1}, o.padding}});
    }
    /// The mean over the valid taps: padding does not count.
    edge average_pool(edge x, const pool_options& o = {}, std::string name = "") {
        return append({.kind = op::average_pool,
                       .name = std::move(name),
                       .inputs = {x},
                       .window = {o.size, o.stride, {1, 1}, o.padding}});
    }
    /// [n, h, w, c] to [n, 1, 1, c].
    edge global_average_pool(edge x, std::string name = "") {
        return unary(op::global_average_pool, x, std::move(name));
    }
    /// Equal shapes.
    edge add(edge a, edge b, std::string name = "") {
        return append({.kind = op::add, .name = std::move(name), .inputs = {a, b}});
    }
    /// Elementwise; equal shapes.
    edge mul(edge a, edge b, std::string name = "") {
        return append({.kind = op::mul, .name = std::move(name), .inputs = {a, b}});
    }
    edge concat(std::vector<edge> parts, int axis = -1, std::string name = "") {
        return append({.kind = op::concat, .name = std::move(name), .inputs = std::move(parts), .axis = axis});
    }
    /// [n, …] to [n, product].
    edge flatten(edge x, std::string name = "") { return unary(op::flatten, x, std::move(name)); }
    /// The shape includes the batch, unchanged, as axis 0.
    edge reshape(edge x, const tensor_shape& shape, std::string name = "") {
        return append({.kind = op::reshape, .name = std::move(name), .inputs = {x}, .shape = shape});
    }
    /// Each row of channels times D·H/√block: what a layer with rotated weights reads (refine/hadamard.hpp).
    edge hadamard(edge x, const hadamard_rotation& rotation = {}, std::string name = "") {
        return append({.kind = op::hadamard, .name = std::move(name), .inputs = {x}, .rotation = rotation});
    }
    /// Along the last axis.
    edge softmax(edge x, std::string name = "") { return unary(op::softmax, x, std::move(name)); }
    /// Where a result leaves. A network has one or more.
    edge output(edge x, std::string name = "") { return unary(op::output, x, std::move(name)); }

    /// Any node: checks its inputs and weights, infers its shape, names it where it has no name (kind and number).
    /// What the builders above and graph rewriters call. Errors: a name in use, an edge of no earlier node, shapes and
    /// options that do not fit; each names the node.
    edge append(node n) {
        if (n.name.empty()) n.name = unused_name(to_string(n.kind));
        check(find(n.name) == nullptr, describe(n), ": the name is taken");
        const std::size_t expected = n.kind == op::input                      ? 0
                                     : n.kind == op::add || n.kind == op::mul ? 2
                                     : n.kind == op::concat ? std::max<std::size_t>(n.inputs.size(), 1)
                                                            : 1;
        check(n.inputs.size() == expected, describe(n), ": ", n.inputs.size(), " inputs instead of ", expected);
        std::vector<tensor_shape> shapes;
        for (const edge e : n.inputs) {
            check(e.node >= 0 && e.node < size(), describe(n), ": an input is no edge of this graph");
            check((*this)[e].kind != op::output, describe(n), ": reads the output node '", (*this)[e].name, "'");
            shapes.push_back(nodes_[static_cast<std::size_t>(e.node)].shape);
        }
        if (n.kind != op::input) n.shape = detail::infer(n, shapes);
        nodes_.push_back(std::move(n));
        return {size() - 1};
    }

    int size() const { return static_cast<int>(nodes_.size()); }
    const std::vector<node>& nodes() const { return nodes_; }
    const node& operator[](edge e) const { return nodes_[static_cast<std::size_t>(e.node)]; }
    /// For changing weights; a changed shape or input is not checked again.
    node& operator[](edge e) { return nodes_[static_cast<std::size_t>(e.node)]; }

    /// The node of that name, or nullptr.
    const node* find(std::string_view name) const {
        for (const node& n : nodes_)
            if (n.name == name) return &n;
        return nullptr;
    }
    /// The node of that name. Errors: no such node.
    const node& at(std::string_view name) const {
        const node* found = find(name);
        check(found != nullptr, "graph: no node is named '", name, "'");
        return *found;
    }
    node& at(std::string_view name) { return const_cast<node&>(std::as_const(*this).at(name)); }

    /// The edges of all nodes of that kind, in order.
    std::vector<edge> all(op kind) const {
        std::vector<edge> found;
        for (int i = 0; i < size(); ++i)
            if ((*this)[edge{i}].kind == kind) found.push_back({i});
        return found;
    }
    /// The edges of all layers with weights, in order.
    std::vector<edge> weighted() const {
        std::vector<edge> found;
        for (int i = 0; i < size(); ++i)
            if ((*this)[edge{i}].has_weights()) found.push_back({i});
        return found;
    }
    std::vector<edge> inputs() const { return all(op::input); }
    std::vector<edge> outputs() const { return all(op::output); }

    /// For each node, the nodes that read its edge.
    std::vector<std::vector<edge>> consumers() const {
        std::vector<std::vector<edge>> readers(nodes_.size());
        for (int i = 0; i < size(); ++i)
            for (const edge e : (*this)[edge{i}].inputs) readers[static_cast<std::size_t>(e.node)].push_back({i});
        return readers;
    }

    /// f(name, tensor<float>&) for everything learned or measured in training: "conv1.weights", "conv1.bias",
    /// "bn1.gamma", "bn1.beta", "bn1.mean", "bn1.variance"; empty biases are left out.
    template <class Function>
    void for_each_parameter(Function&& f) {
        for (node& n : nodes_) {
            if (n.has_weights()) {
                f(n.name + ".weights", n.weights);
                if (!n.bias.empty()) f(n.name + ".bias", n.bias);
            } else if (n.kind == op::batch_norm) {
                f(n.name + ".gamma", n.norm.gamma);
                f(n.name + ".beta", n.norm.beta);
                f(n.name + ".mean", n.norm.mean);
                f(n.name + ".variance", n.norm.variance);
            }
        }
    }

private:
    edge unary(op kind, edge x, std::string name) {
        return append({.kind = kind, .name = std::move(name), .inputs = {x}});
    }

    std::string unused_name(std::string_view kind) const {
        for (int number = 1;; ++number) {
            std::string name = detail::concat(kind, number);
            if (find(name) == nullptr) return name;
        }
    }

    std::vector<node> nodes_;
};

}  // namespace lowbit
