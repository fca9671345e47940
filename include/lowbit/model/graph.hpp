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
/// Layout: activations NHWC, weights output channel first (conv2d OHWI [out, kh, kw, in/groups], depthwise
/// [channels·multiplier, kh, kw, 1], linear [out, in]).
#pragma once

#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/hadamard.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// What a node computes.
enum class op {
    input,
    conv2d,
    depthwise_conv2d,
    linear,
    batch_norm,
    relu,
    relu6,
    activation,
    max_pool,
    average_pool,
    global_average_pool,
    add,
    mul,
    concat,
    flatten,
    reshape,
    hadamard,
    softmax,
    output,
};

/// "conv2d", "max_pool", …: the enumerator's own name.
constexpr std::string_view to_string(op kind) {
    constexpr std::string_view names[] = {"input",
                                          "conv2d",
                                          "depthwise_conv2d",
                                          "linear",
                                          "batch_norm",
                                          "relu",
                                          "relu6",
                                          "activation",
                                          "max_pool",
                                          "average_pool",
                                          "global_average_pool",
                                          "add",
                                          "mul",
                                          "concat",
                                          "flatten",
                                          "reshape",
                                          "hadamard",
                                          "softmax",
                                          "output"};
    return names[static_cast<std::size_t>(kind)];
}

/// Rows and columns of zeros around an image. Pools skip them instead: they see the valid taps only.
struct padding2d {
    std::ptrdiff_t top = 0, bottom = 0, left = 0, right = 0;
    /// Chosen so that out = ⌈in / stride⌉, the odd one at the bottom and right (TensorFlow's rule).
    bool same = false;

    bool operator==(const padding2d&) const = default;
};

/// out = ⌈in / stride⌉.
inline padding2d same() { return {.same = true}; }
/// No padding.
inline padding2d valid() { return {}; }
/// The same number of rows and columns on every side.
inline padding2d pad(std::ptrdiff_t all) { return {all, all, all, all}; }

/// How a kernel moves over an image: {vertical, horizontal}.
struct image_window {
    std::array<std::ptrdiff_t, 2> size{1, 1}, stride{1, 1}, dilation{1, 1};
    padding2d padding{};

    bool operator==(const image_window&) const = default;
};

/// Weights [out, kh, kw, in/groups]; bias [out] or empty.
struct conv2d_options {
    tensor<float> weights{}, bias{};
    std::array<std::ptrdiff_t, 2> stride{1, 1};
    padding2d padding{};
    std::array<std::ptrdiff_t, 2> dilation{1, 1};
    std::ptrdiff_t groups = 1;
};

/// Weights [channels·multiplier, kh, kw, 1]; output channel c·multiplier + m reads input channel c.
struct depthwise_conv2d_options {
    tensor<float> weights{}, bias{};
    std::array<std::ptrdiff_t, 2> stride{1, 1};
    padding2d padding{};
    std::array<std::ptrdiff_t, 2> dilation{1, 1};
};

/// Weights [out, in]; bias [out] or empty. Applied to the last axis.
struct linear_options {
    tensor<float> weights{}, bias{};
};

/// y = gamma·(x − mean)/√(variance + epsilon) + beta, per channel (the last axis).
struct batch_norm_options {
    tensor<float> gamma{}, beta{}, mean{}, variance{};
    float epsilon = 1e-5f;
};

/// Given by reference: g++ 12.2 for AVX-512 spoils constant aggregates of this size that are passed by value.
struct pool_options {
    std::array<std::ptrdiff_t, 2> size{2, 2};
    std::array<std::ptrdiff_t, 2> stride{0, 0};  ///< {0, 0}: the size
    padding2d padding{};
};

/// A function of one number, by name: in the integer network a table of 256 codes.
struct activation {
    std::string name{};
    std::function<float(float)> function{};
};

/// The output of a node.
struct edge {
    int node = -1;

    bool operator==(const edge&) const = default;
};

/// One step of a network. Which fields mean something depends on the kind; the others stay empty.
struct node {
    op kind = op::input;
    std::string name{};
    std::vector<edge> inputs{};
    tensor_shape shape{};             ///< of the output, axis 0 = batch; inferred
    tensor<float> weights{}, bias{};  ///< conv2d, depthwise_conv2d, linear; an empty bias is none
    image_window window{};            ///< conv2d, depthwise_conv2d, max_pool, average_pool; padding resolved to numbers
    std::ptrdiff_t groups = 1;        ///< conv2d; depthwise_conv2d: the channels of its input
    batch_norm_options norm{};        ///< batch_norm
    activation function{};            ///< activation
    int axis = -1;                    ///< concat
    hadamard_rotation rotation{};     ///< hadamard
    tensor<float> ceiling{};          ///< relu6: where it clamps, one per channel (after equalization); empty: at 6

    bool has_weights() const { return kind == op::conv2d || kind == op::depthwise_conv2d || kind == op::linear; }
};

/// "conv2d 'conv1'": how errors name a node.
inline std::string describe(const node& n) { return detail::concat(to_string(n.kind), " '", n.name, "'"); }

/// The shape with another batch.
inline tensor_shape with_batch(const tensor_shape& shape, std::ptrdiff_t batch) {
    // An array, since g++ 12 at -O3 sees a bad free in a vector here.
    std::array<std::ptrdiff_t, tensor_shape::max_rank> extents{};
    std::copy(shape.begin(), shape.end(), extents.begin());
    extents[0] = batch;
    return tensor_shape(std::span(extents.data(), static_cast<std::size_t>(shape.rank())));
}

namespace detail {

/// Fills size-dependent fields of the window (stride 0, same padding) and returns the output's two extents.
inline std::array<std::ptrdiff_t, 2> resolve_window(node& n, const tensor_shape& in) {
    image_window& w = n.window;
    std::array<std::ptrdiff_t, 2> out{};
    std::array<std::ptrdiff_t*, 2> before{&w.padding.top, &w.padding.left}, after{&w.padding.bottom, &w.padding.right};
    for (std::size_t i = 0; i < 2; ++i) {
        if (w.stride[i] == 0 && !n.has_weights()) w.stride[i] = w.size[i];
        check(w.size[i] > 0 && w.stride[i] > 0 && w.dilation[i] > 0, describe(n),
              ": size, stride and dilation must be at least 1");
        const std::ptrdiff_t extent = in[1 + static_cast<int>(i)], reach = (w.size[i] - 1) * w.dilation[i] + 1;
        if (w.padding.same) {
            const std::ptrdiff_t wanted = (ceil_div(extent, w.stride[i]) - 1) * w.stride[i] + reach;
            const std::ptrdiff_t total = std::max<std::ptrdiff_t>(wanted - extent, 0);
            *before[i] = total / 2;
            *after[i] = total - total / 2;
        }
        check(*before[i] >= 0 && *after[i] >= 0, describe(n), ": negative padding");
        check(n.has_weights() || (*before[i] < reach && *after[i] < reach), describe(n),
              ": a pool's padding must be smaller than its window, else a window has no valid taps");
        check(*before[i] + extent + *after[i] >= reach, describe(n), ": a window of ", reach, " on axis ",
              std::ptrdiff_t(i) + 1, " is larger than the padded input ", to_string(in));
        out[i] = (*before[i] + extent + *after[i] - reach) / w.stride[i] + 1;
    }
    w.padding.same = false;
    return out;
}

inline void check_bias(const node& n, std::ptrdiff_t outputs) {
    check(n.bias.empty() || (n.bias.size() == outputs && n.bias.rank() == 1), describe(n), ": bias ",
          to_string(n.bias.shape()), " for ", outputs, " outputs");
}

inline tensor_shape infer_convolution(node& n, const tensor_shape& in) {
    check(in.rank() == 4, describe(n), ": expects an NHWC input, not ", to_string(in));
    check(n.weights.rank() == 4 && !n.weights.empty(), describe(n), ": weights ", to_string(n.weights.shape()),
          " should be [out, kh, kw, in/groups]");
    const std::ptrdiff_t outputs = n.weights.shape()[0], channels = in[3];
    if (n.kind == op::depthwise_conv2d) n.groups = channels;
    check(n.groups >= 1 && channels % n.groups == 0 && outputs % n.groups == 0, describe(n), ": ", n.groups,
          " groups do not divide ", channels, " input and ", outputs, " output channels");
    check(n.weights.shape()[3] * n.groups == channels, describe(n), ": weights ", to_string(n.weights.shape()), " and ",
          n.groups, " groups do not fit the input ", to_string(in));
    check_bias(n, outputs);
    n.window.size = {n.weights.shape()[1], n.weights.shape()[2]};
    const auto [height, width] = resolve_window(n, in);
    return {in[0], height, width, outputs};
}

inline tensor_shape infer_linear(const node& n, const tensor_shape& in) {
    check(n.weights.rank() == 2 && !n.weights.empty(), describe(n), ": weights ", to_string(n.weights.shape()),
          " should be [out, in]");
    check(n.weights.shape()[1] == in[in.rank() - 1], describe(n), ": weights ", to_string(n.weights.shape()),
          " do not fit the input ", to_string(in));
    check_bias(n, n.weights.shape()[0]);
    std::vector<std::ptrdiff_t> extents(in.begin(), in.end());
    extents.back() = n.weights.shape()[0];
    return tensor_shape(extents);
}

inline tensor_shape infer_concat(node& n, const std::vector<tensor_shape>& in) {
    const int axis = in[0].checked_axis(n.axis);
    check(axis != 0, describe(n), ": the batch axis cannot be concatenated");
    std::vector<std::ptrdiff_t> extents(in[0].begin(), in[0].end());
    for (std::size_t i = 1; i < in.size(); ++i) {
        check(in[i].rank() == in[0].rank(), describe(n), ": inputs of different rank");
        for (int a = 0; a < in[0].rank(); ++a)
            check(a == axis || in[i][a] == in[0][a], describe(n), ": input ", i, " ", to_string(in[i]),
                  " differs from ", to_string(in[0]), " on axis ", a);
        extents[static_cast<std::size_t>(axis)] += in[i][axis];
    }
    n.axis = axis;
    return tensor_shape(extents);
}

/// The output's shape; resolves what depends on the inputs' shapes (padding, groups, axis).
inline tensor_shape infer(node& n, const std::vector<tensor_shape>& in) {
    switch (n.kind) {
        case op::conv2d:
        case op::depthwise_conv2d:
            return infer_convolution(n, in[0]);
        case op::linear:
            return infer_linear(n, in[0]);
        case op::concat:
            return infer_concat(n, in);
        case op::max_pool:
        case op::average_pool: {
            check(in[0].rank() == 4, describe(n), ": expects an NHWC input, not ", to_string(in[0]));
            const auto [height, width] = resolve_window(n, in[0]);
            return {in[0][0], height, width, in[0][3]};
        }
        case op::global_average_pool:
            check(in[0].rank() == 4 && in[0][1] * in[0][2] > 0, describe(n), ": expects an NHWC input, not ",
                  to_string(in[0]));
            return {in[0][0], 1, 1, in[0][3]};
        case op::batch_norm: {
            const std::ptrdiff_t channels = in[0][in[0].rank() - 1];
            for (const tensor<float>* part : {&n.norm.gamma, &n.norm.beta, &n.norm.mean, &n.norm.variance})
                check(part->size() == channels, describe(n), ": ", part->size(), " parameters for ", channels,
                      " channels");
            return in[0];
        }
        case op::add:
        case op::mul:
            check(in[0] == in[1], describe(n), ": inputs ", to_string(in[0]), " and ", to_string(in[1]), " differ");
            return in[0];
        case op::flatten:
            return {in[0][0], in[0].size_between(1, in[0].rank())};
        case op::reshape:
            check(n.shape.rank() >= 2 && n.shape[0] == in[0][0] && n.shape.size() == in[0].size(), describe(n), ": ",
                  to_string(in[0]), " cannot become ", to_string(n.shape), "; axis 0 stays the batch");
            return n.shape;
        case op::relu6:
            check(n.ceiling.empty() || n.ceiling.size() == in[0][in[0].rank() - 1], describe(n), ": ", n.ceiling.size(),
                  " ceilings for ", in[0][in[0].rank() - 1], " channels");
            return in[0];
        case op::hadamard: {
            const std::ptrdiff_t columns = in[0][in[0].rank() - 1];
            check(n.rotation.fits(columns) && n.rotation.block_of(columns) <= longest_hadamard_block, describe(n),
                  ": blocks of ", n.rotation.block_of(columns), " for ", columns,
                  " channels; a power of two that divides them is needed, at most ", longest_hadamard_block);
            return in[0];
        }
        case op::activation:
            check(n.function.function != nullptr, describe(n), ": has no function");
            return in[0];
        default:
            return in[0];
    }
}

}  // namespace detail

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
