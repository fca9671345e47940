// SPDX-License-Identifier: Apache-2.0
/// @file
/// The blocks of 256 values of ggml's GGUF files, whose parts have small scales of their own: see
/// kernels/block_ggml.hpp for all of them, and ggml_blocks_of_32.hpp for what each has.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/ggml_blocks_of_32.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowbit::detail {

struct ggml_q4_k {
    static constexpr int size = 256, bytes = 144, part = 32, parts = 8;

    /// How far to search: the lines through a part's values, then the multiples of d and dmin.
    static constexpr line_search lines(bool search) { return {15, search ? 12 : 16, true}; }
    static constexpr int rounds(bool search) { return search ? 2 : 1; }

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        namespace one = lanes_scalar;
        float scales[parts], minima[parts];
        for (int j = 0; j < parts; ++j) {
            const float* values = x + j * part;
            const auto line = one::best_line(values, weights != nullptr ? weights + j * part : nullptr, part,
                                             one::value_range(values, part, 0.0f), lines(search));
            scales[j] = line.scale;
            minima[j] = -line.minimum;
        }
        const one::scale_and_minimum steps = store_steps(scales, minima, block);
        std::uint8_t q[size];
        for (int j = 0; j < parts; ++j) {
            const float* values = x + j * part;
            const one::scale_and_minimum multiples =
                one::best_multiples(values, weights != nullptr ? weights + j * part : nullptr, part, steps,
                                    one::nearest_multiples({scales[j], minima[j]}, steps), rounds(search));
            store_pair(j, {static_cast<int>(multiples.scale), static_cast<int>(multiples.minimum)}, block + 4);
            const float offset = opaque(multiples.minimum * steps.minimum);
            const float inverse = reciprocal_or_zero(opaque(multiples.scale * steps.scale));
            const one::integer_levels level(0.0f, 15.0f);
            for (int i = 0; i < part; ++i) {
                q[j * part + i] = static_cast<std::uint8_t>(level(opaque(values[i] + offset) * inverse));
            }
        }
        for (int j = 0; j < size; j += 64) {
            for (int i = 0; i < 32; ++i)
                block[16 + j / 2 + i] = static_cast<std::uint8_t>(q[j + i] | q[j + 32 + i] << 4);
        }
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) {
        for (int j = 0; j < size; j += 64) {
            for (int i = 0; i < 32; ++i) {
                q[j + i] = block[16 + j / 2 + i] & 15;
                q[j + 32 + i] = block[16 + j / 2 + i] >> 4;
            }
        }
    }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block), dmin = load_float16(block + 2);
        for (int j = 0; j < parts; ++j) {
            // Products of at most 24 bits: exact, so that it does not matter whether the subtraction is fused.
            const pair p = load_pair(j, block + 4);
            const float step = d * static_cast<float>(p.scale), offset = dmin * static_cast<float>(p.minimum);
            for (int i = j * part; i < (j + 1) * part; ++i) x[i] = step * static_cast<float>(q[i]) - offset;
        }
    }

    struct pair {
        int scale, minimum;
    };

    /// d and dmin for parts of these scales and minima: stored, and given back.
    static lanes_scalar::scale_and_minimum store_steps(const float* scales, const float* minima, std::uint8_t* block) {
        const float scale = std::max(0.0f, *std::max_element(scales, scales + parts));
        const float minimum = std::max(0.0f, *std::max_element(minima, minima + parts));
        std::fill_n(block + 4, 12, std::uint8_t{0});
        return {store_float16(quotient(scale, 63.0f), block), store_float16(quotient(minimum, 63.0f), block + 2)};
    }

    /// Scales 0 … 3 and mins 0 … 3 in bytes 0 … 3 and 4 … 7; of 4 … 7 the low nibbles in bytes 8 … 11, the top bits
    /// above the others.
    static void store_pair(int j, pair p, std::uint8_t* packed) {
        const auto merge = [&](int at, int bits) { packed[at] = static_cast<std::uint8_t>(packed[at] | bits); };
        if (j < 4) {
            merge(j, p.scale);
            merge(j + 4, p.minimum);
        } else {
            merge(j + 4, (p.scale & 15) | (p.minimum & 15) << 4);
            merge(j - 4, (p.scale >> 4) << 6);
            merge(j, (p.minimum >> 4) << 6);
        }
    }
    static pair load_pair(int j, const std::uint8_t* packed) {
        if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
        return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, (packed[j + 4] >> 4) | (packed[j] >> 6) << 4};
    }
};

struct ggml_q6_k {
    static constexpr int size = 256, bytes = 210, part = 16, parts = 16;

    static constexpr integer_search neighbourhood(bool search) { return {-32, 31, search ? 16 : 8, 0.1f}; }

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float scales[parts];
        for (int j = 0; j < parts; ++j) {
            const float standard = quotient(lanes_scalar::signed_largest(x + j * part, part), -32.0f);
            scales[j] = lanes_scalar::best_integer_scale(
                x + j * part, weights != nullptr ? weights + j * part : nullptr, part, standard, neighbourhood(search));
        }
        const float d = store_float16(quotient(lanes_scalar::signed_largest(scales, parts), -128.0f), block + 208);
        const float inverse = reciprocal_or_zero(d);
        std::uint8_t q[size];
        for (int j = 0; j < parts; ++j) {
            const float sc = lanes_scalar::integer_levels(-128.0f, 127.0f)(opaque(scales[j] * inverse));
            block[192 + j] = static_cast<std::uint8_t>(static_cast<std::int8_t>(sc));
            const float step = reciprocal_or_zero(opaque(sc * d));
            const lanes_scalar::integer_levels level(-32.0f, 31.0f);
            for (int i = j * part; i < (j + 1) * part; ++i) {
                q[i] = static_cast<std::uint8_t>(static_cast<int>(level(opaque(x[i] * step))) + 32);
            }
        }
        for (int half = 0; half < 2; ++half) {
            const std::uint8_t* from = q + half * 128;
            for (int i = 0; i < 32; ++i) {
                for (int low = 0; low < 2; ++low) {
                    const int a = from[i + 32 * low], b = from[i + 32 * low + 64];
                    block[half * 64 + i + 32 * low] = static_cast<std::uint8_t>((a & 15) | (b & 15) << 4);
                }
                block[128 + half * 32 + i] = static_cast<std::uint8_t>(
                    from[i] >> 4 | (from[i + 32] >> 4) << 2 | (from[i + 64] >> 4) << 4 | (from[i + 96] >> 4) << 6);
            }
        }
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) {
        for (int i = 0; i < size; ++i) {
            const int half = i / 128, quarter = i % 128 / 32, column = i % 32;
            const int low = block[half * 64 + column + 32 * (quarter % 2)] >> (quarter / 2 * 4) & 15;
            const int high = block[128 + half * 32 + column] >> (2 * quarter) & 3;
            q[i] = static_cast<std::uint8_t>(low | high << 4);
        }
    }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block + 208);
        for (int i = 0; i < size; ++i) {
            const float step = d * static_cast<float>(static_cast<std::int8_t>(block[192 + i / part]));
            x[i] = step * static_cast<float>(q[i] - 32);
        }
    }
};

}  // namespace lowbit::detail
