// SPDX-License-Identifier: Apache-2.0
/// @file
/// OCP Microscaling (MX) v1.0 on raw memory: blocks of 32 elements and one power of two.
///
///     X = 2^(⌊log2 amax⌋ − emax), at least 2^−127         (section 6.3; the rule `floor`)
///     code_i = nearest element to x_i / X, saturating      x̂_i = X · element(code_i)
///
/// A block with NaN or infinity is NaN as a whole: scale 255, codes 0. A block of zeros: scale 0. Codes keep the sign
/// of −0; decoded zeros are +0. Exponents come from the bits of the floats, and scaling is on exponents: a processor
/// that flushes subnormals computes the same.
///
/// This code is normative: every instruction set gives the same bits. n values are consecutive blocks, the last one may
/// be shorter; codes are a packed stream (formats/packed.hpp) that starts on a byte, scales one byte a block.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/formats/e8m0.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/reduce.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lowbit {

/// The element type of an MX block.
enum class mx_element { e4m3, e5m2, e3m2, e2m3, e2m1, int8 };

/// How the power of two of a block is chosen. All give the same decoder.
enum class mx_scale {
    floor,    ///< of amax itself: the standard's; the largest values may saturate
    ceil,     ///< ⌈log2 amax⌉ instead of ⌊log2 amax⌋: up to one bit lost, rarely saturates
    even,     ///< amax rounded to the element's mantissa first (halves up), then floor
    roundup,  ///< the smallest X with amax ≤ X · (largest element): never saturates ("RCEIL")
    mse,      ///< of floor's X/2, X, 2X the one with the least (weighted) squared error
};

/// Everything that one call needs to know.
struct mx_format {
    mx_element element = mx_element::e2m1;
    mx_scale scale = mx_scale::floor;
    ties rule = ties::even;

    static constexpr std::ptrdiff_t block = 32;
};

/// MXINT8's element: q·2^−6 with q in [−127, 127], two's complement (−128 is not produced).
class mx_int8 {
public:
    static constexpr int bits = 8, mantissa_bits = 6, max_exponent = 0;

    constexpr mx_int8() = default;
    explicit mx_int8(float x, ties rule = ties::even)
        : code_(static_cast<std::int8_t>(std::clamp(round_to_integer(x * 64.0f, rule), -127.0f, 127.0f))) {}
    static constexpr mx_int8 from_bits(std::uint32_t code) {
        mx_int8 number;
        number.code_ = static_cast<std::int8_t>(code & 0xffu);
        return number;
    }
    static constexpr mx_int8 max() { return from_bits(127); }
    constexpr std::uint8_t to_bits() const { return static_cast<std::uint8_t>(code_); }
    explicit constexpr operator float() const { return static_cast<float>(code_) * 0x1p-6f; }

private:
    std::int8_t code_ = 0;
};

/// Calls f(std::type_identity<Element>) with the number type of the element.
template <class Function>
constexpr decltype(auto) with_mx_element(mx_element element, Function f) {
    switch (element) {
        case mx_element::e4m3:
            return f(std::type_identity<float8_e4m3>{});
        case mx_element::e5m2:
            return f(std::type_identity<float8_e5m2>{});
        case mx_element::e3m2:
            return f(std::type_identity<float6_e3m2>{});
        case mx_element::e2m3:
            return f(std::type_identity<float6_e2m3>{});
        case mx_element::e2m1:
            return f(std::type_identity<float4_e2m1>{});
        default:
            return f(std::type_identity<mx_int8>{});
    }
}

/// Bits of a code.
constexpr int mx_bits(mx_element element) {
    return with_mx_element(element, [](auto type) { return decltype(type)::type::bits; });
}

namespace detail {

/// The exponent of X for a block with this largest magnitude, finite and above 0.
template <class Element>
int mx_exponent(float amax, mx_scale rule) {
    const int exponent = floor_log2(amax);
    // The significands as integers, the leading bit at 23.
    const float significand = times_power_of_two(amax, -exponent);
    switch (rule) {
        case mx_scale::ceil:
            return exponent + (significand > 1.0f) - Element::max_exponent;
        case mx_scale::even: {
            const float last = 2.0f - times_power_of_two(1.0f, -Element::mantissa_bits - 1);
            return exponent + (significand >= last) - Element::max_exponent;
        }
        case mx_scale::roundup: {
            const float top = times_power_of_two(static_cast<float>(Element::max()), -Element::max_exponent);
            return exponent + (significand > top) - Element::max_exponent;
        }
        default:
            return exponent - Element::max_exponent;
    }
}

/// Of the exponents beside `exponent`, the one whose block has the least error; floor's own if equal. n ≤ 32.
template <class Element>
int mx_best_exponent(const float* x, std::ptrdiff_t n, int exponent, ties rule, const float* importance) {
    float y[mx_format::block];
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = times_power_of_two(x[i], -exponent);
    const auto level = [rule](float value) { return static_cast<float>(Element(value, rule)); };
    return lanes_scalar::with_weights(y, importance, n, 1.0f, 0.0f, [&](const auto& values) {
        lanes_scalar::code_search search(values, level, exponent);
        if (exponent > e8m0::min_exponent) search.attempt(exponent - 1, 2.0f, 0.5f);
        if (exponent < e8m0::max_exponent) search.attempt(exponent + 1, 0.5f, 2.0f);
        return search.best();
    });
}

/// The name of a number type.
template <class Element>
inline constexpr mx_element element_of = std::is_same_v<Element, float8_e4m3>   ? mx_element::e4m3
                                         : std::is_same_v<Element, float8_e5m2> ? mx_element::e5m2
                                         : std::is_same_v<Element, float6_e3m2> ? mx_element::e3m2
                                         : std::is_same_v<Element, float6_e2m3> ? mx_element::e2m3
                                         : std::is_same_v<Element, float4_e2m1> ? mx_element::e2m1
                                                                                : mx_element::int8;

}  // namespace detail

namespace detail::scalar {

inline void quantize_mx(const float* x, std::ptrdiff_t n, const mx_format& format, const float* importance,
                        std::uint8_t* codes, std::uint8_t* scales) {
    with_mx_element(format.element, [&](auto type) {
        using element = typename decltype(type)::type;
        code_writer out(codes, element::bits);
        for (std::ptrdiff_t first = 0; first < n; first += mx_format::block) {
            const float* values = x + first;
            const std::ptrdiff_t count = std::min(mx_format::block, n - first);
            const float amax = detail::largest_magnitude(values, count);
            e8m0 scale;
            if (!is_finite(amax)) {
                scale = e8m0::nan();
            } else if (amax != 0) {
                int exponent = e8m0::from_exponent(detail::mx_exponent<element>(amax, format.scale)).exponent();
                if (format.scale == mx_scale::mse) {
                    const float* weights = importance != nullptr ? importance + first : nullptr;
                    exponent = detail::mx_best_exponent<element>(values, count, exponent, format.rule, weights);
                }
                scale = e8m0::from_exponent(exponent);
            }
            *scales++ = scale.to_bits();
            for (std::ptrdiff_t i = 0; i < count; ++i) {
                out.put(scale.is_nan()
                            ? 0u
                            : element(times_power_of_two(values[i], -scale.exponent()), format.rule).to_bits());
            }
        }
        out.finish();
    });
}

inline void dequantize_mx(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n, mx_element kind,
                          float* x) {
    with_mx_element(kind, [&](auto type) {
        using element = typename decltype(type)::type;
        code_reader in(codes, element::bits);
        for (std::ptrdiff_t first = 0; first < n; first += mx_format::block) {
            const auto scale = e8m0::from_bits(*scales++);
            const std::ptrdiff_t count = std::min(mx_format::block, n - first);
            for (std::ptrdiff_t i = first; i < first + count; ++i) {
                const auto value = static_cast<float>(element::from_bits(in.next()));
                x[i] = scale.is_nan()   ? static_cast<float>(scale)
                       : is_zero(value) ? 0.0f
                                        : times_power_of_two(value, scale.exponent());
            }
        }
    });
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_mx_avx2.inl>
#include <lowbit/kernels/isa/block_mx_avx512.inl>
#endif

namespace lowbit {

/// n values to codes and scales. codes: packed_bytes(n, mx_bits) bytes; scales: ⌈n/32⌉ bytes. importance: weights of
/// the squared errors for mx_scale::mse, n or null. Complexity O(n).
inline void quantize_mx(const float* x, std::ptrdiff_t n, const mx_format& format, const float* importance,
                        std::uint8_t* codes, std::uint8_t* scales, caching how = caching::keep) {
#if defined(__x86_64__)
    const bool vectors = format.scale == mx_scale::floor || format.scale == mx_scale::mse;
    if (vectors && format.rule == ties::even && includes(active_isa(), isa::avx2)) {
        return with_mx_element(format.element, [&](auto type) {
            using element = typename decltype(type)::type;
            includes(active_isa(), isa::avx512)
                ? detail::lanes_avx512::quantize_mx<element>(x, n, format, importance, codes, scales, how)
                : detail::lanes_avx2::quantize_mx<element>(x, n, format, importance, codes, scales, how);
        });
    }
#endif
    static_cast<void>(how);
    detail::scalar::quantize_mx(x, n, format, importance, codes, scales);
}

/// Codes and scales to n values. Any bytes are valid: a NaN scale or element gives NaN. Complexity O(n).
inline void dequantize_mx(const std::uint8_t* codes, const std::uint8_t* scales, std::ptrdiff_t n, mx_element kind,
                          float* x, caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2)) {
        const bool stream = bypasses(how, x), wide = includes(active_isa(), isa::avx512);
        return with_mx_element(kind, [&](auto type) {
            using element = typename decltype(type)::type;
            const auto run = wide     ? stream ? detail::lanes_avx512::dequantize_mx<element, true>
                                               : detail::lanes_avx512::dequantize_mx<element, false>
                                 : stream ? detail::lanes_avx2::dequantize_mx<element, true>
                                      : detail::lanes_avx2::dequantize_mx<element, false>;
            run(codes, scales, n, x);
        });
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_mx(codes, scales, n, kind, x);
}

}  // namespace lowbit
