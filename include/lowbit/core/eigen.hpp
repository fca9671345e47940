// SPDX-License-Identifier: Apache-2.0
/// @file
/// From tensors to Eigen: maps over the same memory. (The other way, any Eigen object may be given where a tensor is
/// asked for: core/source.hpp.)
#pragma once

#include <lowbit/core/tensor.hpp>

#include <Eigen/Core>

#include <type_traits>

namespace lowbit {

/// A dynamic row-major Eigen matrix: the layout of a tensor with two axes.
template <class T>
using row_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A matrix over the memory of a view: the first axis is the rows, all others together the columns.
/// Rank 0 and 1 give one row. Complexity O(1).
template <class T>
auto as_matrix(tensor_view<T> view) {
    using matrix = row_matrix<std::remove_const_t<T>>;
    using map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const matrix, matrix>>;
    const tensor_shape& shape = view.shape();
    const std::ptrdiff_t rows = shape.rank() < 2 ? 1 : shape[0];
    const std::ptrdiff_t columns = shape.rank() < 2 ? shape.size() : shape.size_between(1, shape.rank());
    return map(view.data(), rows, columns);
}

template <class T>
auto as_matrix(tensor<T>& values) {
    return as_matrix(values.view());
}

template <class T>
auto as_matrix(const tensor<T>& values) {
    return as_matrix(values.view());
}

/// All elements as one Eigen array, in memory order. Complexity O(1).
template <class T>
auto as_array(tensor_view<T> view) {
    using array = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
    return Eigen::Map<std::conditional_t<std::is_const_v<T>, const array, array>>(view.data(), view.size());
}

}  // namespace lowbit
