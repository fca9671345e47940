// SPDX-License-Identifier: Apache-2.0
/// @file
/// Integer layers that own their packed weights: the kernels of linear.hpp, conv2d.hpp and depthwise.hpp without memory
/// to manage, and with Eigen matrices on both sides.
///
///     lowbit::int8_linear layer({.in = 64, .out = 10}, {.weights = w.data(), .output = {...}});
///     Eigen::Matrix<std::int8_t, ...> y = lowbit::linear<std::int8_t>(layer, x);
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/kernels/conv2d.hpp>
#include <lowbit/kernels/depthwise.hpp>
#include <lowbit/kernels/linear.hpp>

namespace lowbit {

namespace detail {

/// What the three kinds of layer differ in.
struct linear_kind {
    using shape = linear_shape;
    using packed = packed_linear;
    static constexpr const char* name = "int8_linear";
    static std::size_t bytes(const shape& s, const integer_layer& l) { return packed_linear_bytes(s, l); }
    static pack_status pack(const shape& s, const integer_layer& l, void* to) { return pack_linear(s, l, to); }
    static std::size_t workspace(const packed& p, std::ptrdiff_t rows) { return linear_workspace_bytes(p, rows); }
    template <class X, class Y>
    static bool run(const packed& p, std::ptrdiff_t rows, const X* x, Y* y, void* space, const executor& threads) {
        return lowbit::linear(p, rows, x, y, space, threads);
    }
    static code_type input(const packed& p) { return p.header().input; }
    static code_type output(const packed& p) { return p.header().output; }
};

struct conv2d_kind {
    using shape = conv2d_shape;
    using packed = packed_conv2d;
    static constexpr const char* name = "int8_conv2d";
    static std::size_t bytes(const shape& s, const integer_layer& l) { return packed_conv2d_bytes(s, l); }
    static pack_status pack(const shape& s, const integer_layer& l, void* to) { return pack_conv2d(s, l, to); }
    static std::size_t workspace(const packed& p, std::ptrdiff_t batch) { return conv2d_workspace_bytes(p, batch); }
    template <class X, class Y>
    static bool run(const packed& p, std::ptrdiff_t batch, const X* x, Y* y, void* space, const executor& threads) {
        return lowbit::conv2d(p, batch, x, y, space, threads);
    }
    static code_type input(const packed& p) { return p.header().input; }
    static code_type output(const packed& p) { return p.header().output; }
};

struct depthwise_kind {
    using shape = depthwise_shape;
    using packed = packed_depthwise;
    static constexpr const char* name = "int8_depthwise";
    static std::size_t bytes(const shape& s, const integer_layer& l) { return packed_depthwise_bytes(s, l); }
    static pack_status pack(const shape& s, const integer_layer& l, void* to) { return pack_depthwise(s, l, to); }
    static std::size_t workspace(const packed& p, std::ptrdiff_t batch) { return depthwise_workspace_bytes(p, batch); }
    template <class X, class Y>
    static bool run(const packed& p, std::ptrdiff_t batch, const X* x, Y* y, void* space, const executor& threads) {
        return lowbit::depthwise(p, batch, x, y, space, threads);
    }
    static code_type input(const packed& p) { return p.header().common.input; }
    static code_type output(const packed& p) { return p.header().common.output; }
};

}  // namespace detail

/// A packed integer layer that owns its weights: a value, copyable and movable. Everything of `integer_layer` is copied
/// into it.
template <class Kind>
class int8_layer {
public:
    using shape_type = typename Kind::shape;

    /// Packs for the active instruction set. Errors: whatever `pack_status` knows, with the channel.
    int8_layer(const shape_type& shape, const integer_layer& layer) : shape_(shape) {
        memory_.resize(std::max<std::size_t>(Kind::bytes(shape, layer), 64));
        const pack_status status = Kind::pack(shape, layer, memory_.data());
        if (!status && status.channel >= 0)
            fail(Kind::name, ": channel ", status.channel, ": ", to_string(status.error));
        check(bool(status), Kind::name, ": ", to_string(status.error));
    }

    const shape_type& shape() const { return shape_; }
    /// The instruction set that the weights are packed for.
    isa kernel() const { return packed().kernel(); }
    code_type input_type() const { return Kind::input(packed()); }
    code_type output_type() const { return Kind::output(packed()); }
    /// Bytes of the packed weights.
    std::size_t bytes() const { return memory_.size(); }
    std::size_t workspace_bytes(std::ptrdiff_t count) const { return Kind::workspace(packed(), count); }

    /// `count` rows or images from x to y, in the caller's workspace (64-byte aligned). Allocates nothing.
    /// Errors: types other than packed for; packed for an instruction set that is not in use (after `set_isa`).
    template <class X, class Y>
    void run(std::ptrdiff_t count, const X* x, Y* y, void* workspace, const executor& threads = {}) const {
        check(input_type() == code_type_of<X> && output_type() == code_type_of<Y>, Kind::name,
              ": the types of x and y are not those that the weights were packed for");
        check(Kind::run(packed(), count, x, y, workspace, threads), Kind::name, ": the weights are packed for ",
              to_string(kernel()), ", which is not in use; make the layer again");
    }

    /// The same with a workspace of its own.
    template <class X, class Y>
    void run(std::ptrdiff_t count, const X* x, Y* y, const executor& threads = {}) const {
        aligned_vector<std::byte> workspace(workspace_bytes(count));
        run(count, x, y, workspace.data(), threads);
    }

private:
    typename Kind::packed packed() const { return typename Kind::packed(memory_.data()); }

    shape_type shape_;
    aligned_vector<std::byte> memory_;
};

using int8_linear = int8_layer<detail::linear_kind>;
using int8_conv2d = int8_layer<detail::conv2d_kind>;
using int8_depthwise = int8_layer<detail::depthwise_kind>;

/// y[rows, out] from an Eigen matrix (or tensor) of codes x[rows, in], of the type that the layer was packed for; Y is
/// the type of its outputs. Column-major matrices are copied to row order first.
/// Errors: a number of columns that is not the layer's; other types.
template <class Y, class X>
row_matrix<Y> linear(const int8_linear& layer, const X& x, const executor& threads = {}) {
    const auto values = read(x);
    const tensor_shape& shape = values.shape();
    check(shape.rank() == 2 && shape[1] == layer.shape().in, "linear: x has the shape ", to_string(shape),
          "; the layer takes rows of ", layer.shape().in, " values");
    row_matrix<Y> y(shape[0], layer.shape().out);
    layer.run(shape[0], values.view().data(), y.data(), threads);
    return y;
}

}  // namespace lowbit
