// SPDX-License-Identifier: Apache-2.0
/// @file
/// What may be given where a tensor is asked for: tensors and views, std::vector, std::span and arrays, and Eigen's
/// matrices, vectors, maps, refs and blocks. Eigen is recognised by its face, so that this header does not include it.
///
/// `read(x)` gives row-major values: a view where x is in row order already, else a reordered copy.
/// `view_of(x)` never copies: it refuses, at compile time, what it cannot view.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <type_traits>
#include <utility>

namespace lowbit {

/// Has the face of an Eigen dense expression: a matrix, a vector, a Map, a Ref, a block, a product.
template <class X>
concept eigen_dense = requires(const X& x) {
    typename X::Scalar;
    { X::IsRowMajor } -> std::convertible_to<int>;
    { X::IsVectorAtCompileTime } -> std::convertible_to<int>;
    x.rows();
    x.cols();
    x.eval();
};

/// An Eigen expression with memory behind it.
template <class X>
concept eigen_direct = eigen_dense<X> && requires(const X& x) {
    x.data();
    x.innerStride();
    x.outerStride();
};

namespace detail {

template <class X>
struct is_tensor : std::false_type {};
template <class T>
struct is_tensor<tensor<T>> : std::true_type {};
template <class T>
struct is_tensor<tensor_view<T>> : std::true_type {};

template <class X>
concept tensor_like = is_tensor<std::remove_cvref_t<X>>::value;

/// A number of the language, or one of formats/ (float16, bfloat16, …).
template <class T>
concept number = std::is_arithmetic_v<T> || requires(const T& x) {
    x.to_bits();
    static_cast<float>(x);
};

template <class X>
concept contiguous_values =
    !tensor_like<X> && !eigen_dense<std::remove_cvref_t<X>> && std::ranges::contiguous_range<X> &&
    std::ranges::sized_range<X> && number<std::ranges::range_value_t<X>>;

/// Eigen vectors have one axis, matrices two.
template <class X>
tensor_shape eigen_shape(const X& x) {
    if constexpr (X::IsVectorAtCompileTime) {
        return {static_cast<std::ptrdiff_t>(x.size())};
    } else {
        return {static_cast<std::ptrdiff_t>(x.rows()), static_cast<std::ptrdiff_t>(x.cols())};
    }
}

/// No gaps between the elements of a row-major matrix or of a vector.
template <eigen_direct X>
bool eigen_contiguous(const X& x) {
    if (x.size() <= 1) return true;
    if constexpr (X::IsVectorAtCompileTime) {
        return x.innerStride() == 1;
    } else {
        return x.innerStride() == 1 && (x.outerStride() == x.cols() || x.rows() == 1);
    }
}

}  // namespace detail

/// A view of x without copying. Column-major and strided Eigen types cannot be viewed: `read` or `quantize` copies
/// them.
template <class X>
auto view_of(const X& x) {
    if constexpr (detail::tensor_like<X>) {
        return tensor_view<const typename X::value_type>(x.data(), x.shape());
    } else if constexpr (eigen_dense<X>) {
        static_assert(eigen_direct<X>, "lowbit: an Eigen expression has no memory to view; evaluate it to a matrix");
        static_assert(X::IsRowMajor || X::IsVectorAtCompileTime,
                      "lowbit: a column-major Eigen matrix cannot be viewed in row order; use Eigen::RowMajor, or let "
                      "lowbit::read or lowbit::quantize copy it");
        using scalar = typename X::Scalar;
        check(detail::eigen_contiguous(x),
              "view_of: the Eigen object has gaps between its elements; lowbit::read copies it");
        return tensor_view<const scalar>(x.data(), detail::eigen_shape(x));
    } else {
        static_assert(detail::contiguous_values<const X&>,
                      "lowbit: expected a tensor, a tensor_view, a contiguous range of numbers or an Eigen object");
        using value = std::ranges::range_value_t<const X&>;
        return tensor_view<const value>(std::ranges::data(x), {static_cast<std::ptrdiff_t>(std::ranges::size(x))});
    }
}

/// Row-major values: a view of the caller's memory, or a reordered copy that it owns. Lives as long as its source.
template <class T>
class row_values {
public:
    explicit row_values(tensor_view<const T> borrowed) : view_(borrowed) {}
    explicit row_values(tensor<T>&& copy) : copy_(std::move(copy)), view_(copy_.view()) {}
    row_values(row_values&&) noexcept = default;
    row_values& operator=(row_values&&) noexcept = default;
    row_values(const row_values&) = delete;
    row_values& operator=(const row_values&) = delete;
    ~row_values() = default;

    tensor_view<const T> view() const { return view_; }
    operator tensor_view<const T>() const { return view_; }  // NOLINT(google-explicit-constructor): borrow
    const tensor_shape& shape() const { return view_.shape(); }
    std::ptrdiff_t size() const { return view_.size(); }
    const T& operator[](std::ptrdiff_t i) const { return view_[i]; }

private:
    tensor<T> copy_;
    tensor_view<const T> view_;
};

/// x in row order, without copying where its memory is in row order already. Complexity O(1), else O(n).
template <class X>
auto read(const X& x) {
    if constexpr (eigen_dense<X>) {
        using scalar = std::remove_const_t<typename X::Scalar>;
        if constexpr (eigen_direct<X> && (X::IsRowMajor || X::IsVectorAtCompileTime)) {
            if (detail::eigen_contiguous(x)) return row_values<scalar>(view_of(x));
        }
        const auto& evaluated = x.eval();
        tensor<scalar> copy(detail::eigen_shape(evaluated));
        std::ptrdiff_t at = 0;
        for (std::ptrdiff_t row = 0; row < evaluated.rows(); ++row) {
            for (std::ptrdiff_t column = 0; column < evaluated.cols(); ++column) copy[at++] = evaluated(row, column);
        }
        return row_values<scalar>(std::move(copy));
    } else {
        const auto view = view_of(x);
        return row_values<typename decltype(view)::value_type>(view);
    }
}

/// x as float32 in row order: what every scheme's `encode` is handed. Other element types are converted once
/// (float64 is rounded to float32; float16 and bfloat16 are exact).
template <class X>
row_values<float> read_float(const X& x) {
    auto values = read(x);
    if constexpr (std::same_as<decltype(values), row_values<float>>) {
        return values;
    } else {
        tensor<float> converted(values.shape());
        for (std::ptrdiff_t i = 0; i < values.size(); ++i) converted[i] = static_cast<float>(values[i]);
        return row_values<float>(std::move(converted));
    }
}

}  // namespace lowbit
