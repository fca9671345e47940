// SPDX-License-Identifier: Apache-2.0
/// @file
/// From other frameworks' layouts to lowbit's (activations NHWC, weights output channel first), and axes in any order.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <array>
#include <span>

namespace lowbit {

/// The tensor with its axes in another order: axis i of the result is axis order[i] of x. Complexity O(n).
/// Errors: an order that is no permutation of the axes.
template <class T>
tensor<T> permute(tensor_view<const T> x, std::span<const int> order) {
    const int rank = x.rank();
    check(static_cast<int>(order.size()) == rank, "permute: ", order.size(), " axes for ", to_string(x.shape()));
    std::array<std::ptrdiff_t, tensor_shape::max_rank> extents{}, strides{};
    std::array<bool, tensor_shape::max_rank> used{};
    for (int i = 0; i < rank; ++i) {
        const auto axis = static_cast<std::size_t>(x.shape().checked_axis(order[static_cast<std::size_t>(i)]));
        check(!used[axis], "permute: axis ", axis, " is named twice");
        used[axis] = true;
        extents[static_cast<std::size_t>(i)] = x.shape()[static_cast<int>(axis)];
        strides[static_cast<std::size_t>(i)] = x.shape().size_between(static_cast<int>(axis) + 1, rank);
    }
    tensor<T> y(tensor_shape(std::span<const std::ptrdiff_t>(extents.data(), static_cast<std::size_t>(rank))));
    for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
        std::ptrdiff_t rest = i, from = 0;
        for (int axis = rank; axis-- > 0;) {
            const auto at = static_cast<std::size_t>(axis);
            from += rest % extents[at] * strides[at];
            rest /= extents[at];
        }
        y[i] = x[from];
    }
    return y;
}

namespace detail {

template <class T>
tensor<T> permute4(const tensor<T>& x, const std::array<int, 4>& order, const char* what) {
    check(x.rank() == 4, what, ": expects four axes, not ", to_string(x.shape()));
    return permute(x.view(), order);
}

}  // namespace detail

/// Activations [n, c, h, w] (PyTorch, ONNX) to [n, h, w, c].
template <class T>
tensor<T> nhwc_from_nchw(const tensor<T>& x) {
    return detail::permute4(x, {0, 2, 3, 1}, "nhwc_from_nchw");
}

/// Activations [n, h, w, c] to [n, c, h, w].
template <class T>
tensor<T> nchw_from_nhwc(const tensor<T>& x) {
    return detail::permute4(x, {0, 3, 1, 2}, "nchw_from_nhwc");
}

/// Convolution weights [out, in/groups, kh, kw] (PyTorch, ONNX) to [out, kh, kw, in/groups]; depthwise ones
/// [channels·multiplier, 1, kh, kw] too.
template <class T>
tensor<T> ohwi_from_oihw(const tensor<T>& weights) {
    return detail::permute4(weights, {0, 2, 3, 1}, "ohwi_from_oihw");
}

/// Depthwise weights [1, kh, kw, channels·multiplier] (TensorFlow Lite) to [channels·multiplier, kh, kw, 1].
template <class T>
tensor<T> depthwise_from_tflite(const tensor<T>& weights) {
    check(weights.rank() == 4 && weights.shape()[0] == 1, "depthwise_from_tflite: expects [1, kh, kw, channels], not ",
          to_string(weights.shape()));
    return detail::permute4(weights, {3, 1, 2, 0}, "depthwise_from_tflite");
}

}  // namespace lowbit
