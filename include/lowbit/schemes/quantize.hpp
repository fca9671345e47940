// SPDX-License-Identifier: Apache-2.0
/// @file
/// The one entry each way: `quantize(x, scheme)` and `dequantize(q)`, for every scheme, the library's and a user's.
///
/// A scheme is a plain comparable aggregate with two functions in its own namespace:
///
///     auto encode(tensor_view<const float> x, const S& scheme, std::span<const float> importance, const executor&);
///     std::ptrdiff_t bytes(const S& scheme, const tensor_shape& shape);
///
/// What `encode` returns, the quantized tensor Q, has shape(), scheme(), codes(), and in the same namespace
///
///     void decode(const Q& q, tensor_view<float> out, const executor&);
///
/// and, if it likes, for products that need a few rows at a time (first a multiple of 8):
///
///     void decode_rows(const Q& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out);
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/kernels/reduce.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace lowbit {

/// What `quantize` returns: packed codes, parameters, shape and scheme, as one value.
template <class Q>
concept quantized_tensor = std::copyable<Q> && std::equality_comparable<Q> &&
    requires(const Q& q, tensor_view<float> out, const executor& exec) {
    { q.shape() } -> std::convertible_to<tensor_shape>;
    { q.bytes() } -> std::convertible_to<std::ptrdiff_t>;
    { q.bits_per_element() } -> std::convertible_to<double>;
    q.scheme();
    q.codes();
    decode(q, out, exec);
};

/// Says how to store numbers in few bits.
template <class S>
concept scheme = std::copyable<S> && std::equality_comparable<S> &&
    requires(const S& s, tensor_view<const float> x, std::span<const float> importance, const executor& exec,
             const tensor_shape& shape) {
    { encode(x, s, importance, exec) } -> quantized_tensor;
    { bytes(s, shape) } -> std::convertible_to<std::ptrdiff_t>;
};

/// What `quantize` does with NaN where the scheme has no code for it.
enum class nan_policy {
    reject,  ///< an error that names the first index
    allow,   ///< encode it as the zero point
};

namespace detail {

/// Whether NaN is a value of the scheme's format. A scheme says so with `bool stores_nan(const S&)`.
template <class S>
bool scheme_stores_nan(const S& s) {
    if constexpr (requires {
                      { stores_nan(s) } -> std::same_as<bool>;
                  }) {
        return stores_nan(s);
    } else {
        return false;
    }
}

template <class S>
void check_input(tensor_view<const float> x, const S& s, std::span<const float> importance, nan_policy nan) {
    check(importance.empty() || static_cast<std::ptrdiff_t>(importance.size()) == x.size(),
          "quantize: ", importance.size(), " importance values for ", x.size(), " elements");
    if (nan == nan_policy::allow || scheme_stores_nan(s)) return;
    const std::ptrdiff_t at = find_nan(x.data(), x.size());
    check(at == x.size(), "quantize: NaN at index ", at, "; remove it, or pass nan_policy::allow to encode it as zero");
}

}  // namespace detail

/// x stored in few bits. x: a tensor or view, std::vector, std::span or an Eigen object, of float, double, float16 or
/// bfloat16. importance: weights of the squared errors, empty or one per element, for schemes that can use them.
/// The result does not depend on the executor. Errors: NaN (unless allowed or storable); what the scheme refuses.
template <class X, scheme S>
auto quantize(const X& x, const S& s, std::type_identity_t<std::span<const float>> importance = {},
              const executor& exec = {}, nan_policy nan = nan_policy::reject) {
    const row_values<float> values = read_float(x);
    detail::check_input(values.view(), s, importance, nan);
    return encode(values.view(), s, importance, exec);
}

/// As above, without importance.
template <class X, scheme S>
auto quantize(const X& x, const S& s, const executor& exec, nan_policy nan = nan_policy::reject) {
    return quantize(x, s, std::span<const float>{}, exec, nan);
}

/// As above, on the calling thread.
template <class X, scheme S>
auto quantize(const X& x, const S& s, nan_policy nan) {
    return quantize(x, s, std::span<const float>{}, executor{}, nan);
}

/// Replaces q by x stored in few bits; q is unchanged where an error is thrown.
template <class X, scheme S, quantized_tensor Q>
void quantize_into(const X& x, const S& s, Q& q, std::type_identity_t<std::span<const float>> importance = {},
                   const executor& exec = {}, nan_policy nan = nan_policy::reject) {
    q = quantize(x, s, importance, exec, nan);
}

/// The values that q stands for, written to out. Errors: a shape of another number of elements.
template <quantized_tensor Q>
void dequantize_into(const Q& q, tensor_view<float> out, const executor& exec = {}) {
    check(out.size() == q.shape().size(), "dequantize_into: ", to_string(q.shape()), " into ", to_string(out.shape()));
    decode(q, out, exec);
}

/// The values that q stands for.
template <quantized_tensor Q>
tensor<float> dequantize(const Q& q, const executor& exec = {}) {
    tensor<float> out(q.shape());
    decode(q, out.view(), exec);
    return out;
}

/// Bits per element that the scheme takes for the shape, everything counted; no data needed. 0 for no elements.
template <scheme S>
double bits_per_element(const S& s, const tensor_shape& shape) {
    return shape.size() == 0 ? 0.0 : 8.0 * static_cast<double>(bytes(s, shape)) / static_cast<double>(shape.size());
}

namespace detail {

/// `bytes` by argument-dependent lookup, for use where a member has the same name.
template <scheme S>
std::ptrdiff_t scheme_bytes(const S& s, const tensor_shape& shape) {
    return bytes(s, shape);
}

}  // namespace detail

/// bytes() and bits_per_element() of a quantized tensor whose scheme and shape alone say them: a base for such types.
template <class Self>
class sized_by_scheme {
public:
    /// Bytes of codes and parameters as stored.
    std::ptrdiff_t bytes() const { return detail::scheme_bytes(self().scheme(), self().shape()); }
    /// 8·bytes / elements.
    double bits_per_element() const { return lowbit::bits_per_element(self().scheme(), self().shape()); }
    bool operator==(const sized_by_scheme&) const = default;

private:
    const Self& self() const { return static_cast<const Self&>(*this); }
};

}  // namespace lowbit
