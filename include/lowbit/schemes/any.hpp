// SPDX-License-Identifier: Apache-2.0
/// @file
/// A scheme chosen at run time: the closed set of the library's schemes, their strings, and their quantized tensors.
#pragma once

#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/fixed_codebook.hpp>
#include <lowbit/schemes/ggml_block.hpp>
#include <lowbit/schemes/kmeans.hpp>
#include <lowbit/schemes/microexponent.hpp>
#include <lowbit/schemes/nvfp4.hpp>
#include <lowbit/schemes/ocp_mx.hpp>
#include <lowbit/schemes/vector_codebook.hpp>
#include <lowbit/schemes/vsq.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace lowbit {

namespace detail {

template <class... Schemes>
struct scheme_list {
    using scheme_variant = std::variant<Schemes...>;

    template <class S>
    using encoded = decltype(encode(std::declval<tensor_view<const float>>(), std::declval<const S&>(),
                                    std::declval<std::span<const float>>(), std::declval<const executor&>()));
    using tensor_variant = std::variant<encoded<Schemes>...>;
};

/// Every scheme of the library, in the order in which parse_scheme asks them.
using all_schemes = scheme_list<affine, kmeans, vsq, microexponent<7>, microexponent<4>, microexponent<2>,
                                microexponent<3>, ocp_mx, nvfp4, fixed_codebook, ggml_block, vector_kmeans>;

// One of the types, or (mxfp4) derived from one of them.
template <class T, class Variant>
struct is_alternative;
template <class T, class... Ts>
struct is_alternative<T, std::variant<Ts...>> : std::disjunction<std::is_base_of<Ts, T>...> {};

}  // namespace detail

/// Any of the library's schemes.
class any_scheme {
public:
    using variant = detail::all_schemes::scheme_variant;

    any_scheme() = default;  ///< int8 per tensor
    template <class S>
        requires(detail::is_alternative<S, variant>::value)
    any_scheme(const S& s)  // NOLINT(google-explicit-constructor): any of them is given
        : value_(s) {}

    const variant& value() const { return value_; }
    /// Calls f with the scheme itself.
    template <class Function>
    decltype(auto) visit(Function&& f) const {
        return std::visit(std::forward<Function>(f), value_);
    }
    bool operator==(const any_scheme&) const = default;

private:
    variant value_;
};

/// A quantized tensor of any of the library's schemes.
class any_quantized {
public:
    using variant = detail::all_schemes::tensor_variant;

    any_quantized() = default;
    template <class Q>
        requires(detail::is_alternative<std::remove_cvref_t<Q>, variant>::value)
    any_quantized(Q&& q)  // NOLINT(google-explicit-constructor): any of them is given
        : value_(std::forward<Q>(q)) {}

    const variant& value() const { return value_; }
    /// Calls f with the quantized tensor itself.
    template <class Function>
    decltype(auto) visit(Function&& f) const {
        return std::visit(std::forward<Function>(f), value_);
    }

    any_scheme scheme() const {
        return visit([](const auto& q) { return any_scheme(q.scheme()); });
    }
    const tensor_shape& shape() const {
        return visit([](const auto& q) -> const tensor_shape& { return q.shape(); });
    }
    tensor<std::int32_t> codes() const {
        return visit([](const auto& q) { return q.codes(); });
    }
    std::ptrdiff_t bytes() const {
        return visit([](const auto& q) { return static_cast<std::ptrdiff_t>(q.bytes()); });
    }
    double bits_per_element() const {
        return visit([](const auto& q) { return static_cast<double>(q.bits_per_element()); });
    }
    bool operator==(const any_quantized&) const = default;

private:
    variant value_;
};

// Templates of the exact type: a scheme that lacks one of these functions must not reach them by conversion.

template <std::same_as<any_scheme> Any>
any_quantized encode(tensor_view<const float> x, const Any& s, std::span<const float> importance,
                     const executor& exec) {
    return s.visit([&](const auto& chosen) { return any_quantized(encode(x, chosen, importance, exec)); });
}

template <std::same_as<any_quantized> Any>
void decode(const Any& q, tensor_view<float> out, const executor& exec) {
    q.visit([&](const auto& chosen) { decode(chosen, out, exec); });
}

template <std::same_as<any_scheme> Any>
std::ptrdiff_t bytes(const Any& s, const tensor_shape& shape) {
    return s.visit([&](const auto& chosen) { return static_cast<std::ptrdiff_t>(bytes(chosen, shape)); });
}

template <std::same_as<any_scheme> Any>
bool stores_nan(const Any& s) {
    return s.visit([](const auto& chosen) { return detail::scheme_stores_nan(chosen); });
}

/// The scheme that a string names, "int4:group=128". Errors: a name that no scheme has; a suffix that does not apply.
inline any_scheme parse_scheme(std::string_view text) {
    scheme_text words(text);
    any_scheme found;
    const auto try_all = [&]<class... Schemes>(std::type_identity<std::variant<Schemes...>>) {
        const auto try_one = [&]<class S>(S s) { return parse(words, s) ? (found = s, true) : false; };
        return (try_one(Schemes{}) || ...);
    };
    check(try_all(std::type_identity<any_scheme::variant>{}), "scheme \"", text, "\": unknown name \"", words.name(),
          "\"");
    words.finish();
    return found;
}

/// The string that parse_scheme reads back as the same scheme.
template <std::same_as<any_scheme> Any>
std::string to_string(const Any& s) {
    return s.visit([](const auto& chosen) { return to_string(chosen); });
}

}  // namespace lowbit
