// SPDX-License-Identifier: Apache-2.0
/// @file
/// The block layouts of ggml's GGUF files, byte for byte, on raw memory. Every block holds its scales and its codes; d
/// and m are float16, little-endian; q the codes.
///
///     type     values bytes  block                                                    value
///     q4_0        32    18   d, 16 B nibbles                                          d·(q − 8)
///     q4_1        32    20   d, m, 16 B nibbles                                       d·q + m
///     q8_0        32    34   d, 32 int8                                               d·q
///     q4_k       256   144   d, dmin, 12 B of 8 × (6-bit scale, 6-bit min), nibbles   d·scale·q − dmin·min
///     q6_k       256   210   128 B low 4 bits, 64 B high 2 bits, 16 int8 scales, d    d·scale·(q − 32)
///     iq4_nl      32    18   d, 16 B nibbles                                          d·table[q]
///     mx_fp4      32    17   E8M0 byte, 16 B nibbles                                  2^(e − 128)·(2·E2M1[q])
///
/// In blocks of 32 byte j holds element j in its low nibble and element j + 16 in its high one.
///
/// Encoders: q4_0, q4_1, q8_0 and mx_fp4 by ggml's reference rules (the unrounded scale's reciprocal, then float16);
/// mx_fp4 with the exponent from the bits instead of a logarithm. q4_k, q6_k and iq4_nl always search for least squares
/// (kernels/block_search.hpp). `search` makes the others do so too, and the first two look further.
/// This code is normative. Values are finite. A last block with fewer than all values is encoded as if zeros followed.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/ggml_blocks_of_256.hpp>
#include <lowbit/kernels/ggml_blocks_of_32.hpp>
#include <lowbit/kernels/quantize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lowbit {

/// A block layout of GGUF.
enum class ggml_type { q4_0, q4_1, q8_0, q4_k, q6_k, iq4_nl, mx_fp4 };

/// Calls f(std::type_identity<Layout>) with the layout of the type.
template <class Function>
constexpr decltype(auto) with_ggml_type(ggml_type type, Function f) {
    switch (type) {
        case ggml_type::q4_0:
            return f(std::type_identity<detail::ggml_q4_0>{});
        case ggml_type::q4_1:
            return f(std::type_identity<detail::ggml_q4_1>{});
        case ggml_type::q8_0:
            return f(std::type_identity<detail::ggml_q8_0>{});
        case ggml_type::q4_k:
            return f(std::type_identity<detail::ggml_q4_k>{});
        case ggml_type::q6_k:
            return f(std::type_identity<detail::ggml_q6_k>{});
        case ggml_type::iq4_nl:
            return f(std::type_identity<detail::ggml_iq4_nl>{});
        default:
            return f(std::type_identity<detail::ggml_mxfp4>{});
    }
}

/// Values in a block.
constexpr std::ptrdiff_t ggml_block_size(ggml_type type) {
    return with_ggml_type(type, [](auto layout) { return std::ptrdiff_t{decltype(layout)::type::size}; });
}

/// Bytes of a block.
constexpr std::ptrdiff_t ggml_block_bytes(ggml_type type) {
    return with_ggml_type(type, [](auto layout) { return std::ptrdiff_t{decltype(layout)::type::bytes}; });
}

namespace detail::scalar {

inline void quantize_ggml(const float* x, std::ptrdiff_t n, ggml_type type, bool search, const float* importance,
                          std::uint8_t* blocks) {
    with_ggml_type(type, [&](auto identity) {
        using layout = typename decltype(identity)::type;
        for (std::ptrdiff_t first = 0; first < n; first += layout::size, blocks += layout::bytes) {
            const float* weights = importance != nullptr ? importance + first : nullptr;
            if (n - first >= layout::size) {
                layout::encode(x + first, search, weights, blocks);
                continue;
            }
            float padded[layout::size] = {}, padded_weights[layout::size] = {};
            std::copy_n(x + first, n - first, padded);
            if (weights != nullptr) std::copy_n(weights, n - first, padded_weights);
            layout::encode(padded, search, weights != nullptr ? padded_weights : nullptr, blocks);
        }
    });
}

inline void dequantize_ggml(const std::uint8_t* blocks, std::ptrdiff_t n, ggml_type type, float* x) {
    with_ggml_type(type, [&](auto identity) {
        using layout = typename decltype(identity)::type;
        for (std::ptrdiff_t first = 0; first < n; first += layout::size, blocks += layout::bytes) {
            std::uint8_t q[layout::size];
            float values[layout::size];
            layout::codes(blocks, q);
            layout::decode(blocks, q, values);
            std::copy_n(values, std::min<std::ptrdiff_t>(layout::size, n - first), x + first);
        }
    });
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/block_ggml_avx2.inl>
#include <lowbit/kernels/isa/block_ggml_avx512.inl>
#endif

namespace lowbit {

/// n values to ⌈n / block size⌉ blocks. importance: n weights of the squared errors for searches, or null. Complexity
/// O(n).
inline void quantize_ggml(const float* x, std::ptrdiff_t n, ggml_type type, bool search, const float* importance,
                          std::uint8_t* blocks) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2)) {
        with_ggml_type(type, [&](auto identity) {
            using layout = typename decltype(identity)::type;
            const std::ptrdiff_t whole = n / layout::size * layout::size;
            includes(active_isa(), isa::avx512)
                ? detail::lanes_avx512::quantize_ggml(layout{}, x, whole, search, importance, blocks)
                : detail::lanes_avx2::quantize_ggml(layout{}, x, whole, search, importance, blocks);
            blocks += whole / layout::size * layout::bytes;
            if (importance != nullptr) importance += whole;
            x += whole;
            n -= whole;
        });
    }
#endif
    detail::scalar::quantize_ggml(x, n, type, search, importance, blocks);
}

/// The codes q of n values, zero-extended (q8_0: the bytes of its int8). Complexity O(n).
inline void ggml_codes(const std::uint8_t* blocks, std::ptrdiff_t n, ggml_type type, std::uint8_t* codes) {
    with_ggml_type(type, [&](auto identity) {
        using layout = typename decltype(identity)::type;
        for (std::ptrdiff_t first = 0; first < n; first += layout::size, blocks += layout::bytes) {
            std::uint8_t q[layout::size];
            layout::codes(blocks, q);
            std::copy_n(q, std::min<std::ptrdiff_t>(layout::size, n - first), codes + first);
        }
    });
}

/// Blocks to n values. Any bytes are valid. Complexity O(n).
inline void dequantize_ggml(const std::uint8_t* blocks, std::ptrdiff_t n, ggml_type type, float* x,
                            caching how = caching::keep) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx2) && (type == ggml_type::q8_0 || type == ggml_type::q4_0)) {
        const bool wide = includes(active_isa(), isa::avx512);
        const std::ptrdiff_t whole = n / 32 * 32;
        if (type == ggml_type::q8_0) {
            (wide ? detail::lanes_avx512::dequantize_q8_0 : detail::lanes_avx2::dequantize_q8_0)(blocks, whole, x, how);
            blocks += whole / 32 * detail::ggml_q8_0::bytes;
        } else {
            (wide ? detail::lanes_avx512::dequantize_q4_0 : detail::lanes_avx2::dequantize_q4_0)(blocks, whole, x, how);
            blocks += whole / 32 * detail::ggml_q4_0::bytes;
        }
        x += whole;
        n -= whole;
    }
#endif
    static_cast<void>(how);
    detail::scalar::dequantize_ggml(blocks, n, type, x);
}

}  // namespace lowbit
