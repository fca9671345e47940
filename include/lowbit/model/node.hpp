// SPDX-License-Identifier: Apache-2.0
/// @file
/// One step of a network: what it computes, with which weights and options, and the shape that comes out.
///
/// Layout: activations NHWC, weights output channel first (conv2d OHWI [out, kh, kw, in/groups], depthwise
/// [channels·multiplier, kh, kw, 1], linear [out, in]). A window of size k, stride s and dilation d over an extent n
/// padded by p gives ⌊(n + p − d·(k − 1) − 1)/s⌋ + 1 positions.
#pragma once

#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/hadamard.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
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

}  // namespace lowbit
