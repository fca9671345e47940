// SPDX-License-Identifier: Apache-2.0
/// @file
/// The blocks of 32 values of ggml's GGUF files: see kernels/block_ggml.hpp for all of them. Each has its sizes and,
/// for one block, encode(values, search, weights or null, bytes), codes(bytes, q) and decode(bytes, q, values).
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_search.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// IQ4_NL's levels.
inline constexpr codebook_levels iq4_nl_levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

namespace detail {

inline float load_float16(const std::uint8_t* bytes) {
    return static_cast<float>(float16::from_bits(static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8)));
}

/// Stores the nearest float16 and gives back what was stored.
inline float store_float16(float x, std::uint8_t* bytes) {
    const float16 half(x);
    bytes[0] = static_cast<std::uint8_t>(half.to_bits() & 0xff);
    bytes[1] = static_cast<std::uint8_t>(half.to_bits() >> 8);
    return static_cast<float>(half);
}

using lanes_scalar::reciprocal_or_zero;

/// ggml's rounding: trunc(y + 0.5), clamped to 0 … 15 before the cast. `half` is 0.5, or 8.5 for codes that start at
/// −8.
inline std::uint8_t nibble(float y, float half) {
    const float shifted = opaque(y) + half;
    return static_cast<std::uint8_t>(shifted >= 15.0f ? 15 : shifted > 0.0f ? static_cast<int>(shifted) : 0);
}

inline void store_nibbles(const std::uint8_t* q, std::uint8_t* bytes) {
    for (int j = 0; j < 16; ++j) bytes[j] = static_cast<std::uint8_t>(q[j] | q[j + 16] << 4);
}

inline void load_nibbles(const std::uint8_t* bytes, std::uint8_t* q) {
    for (int j = 0; j < 16; ++j) {
        q[j] = bytes[j] & 15;
        q[j + 16] = bytes[j] >> 4;
    }
}

struct ggml_q4_0 {
    static constexpr int size = 32, bytes = 18;

    static constexpr integer_search neighbourhood{-8, 7, 8, 0.25f};

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float d = quotient(lanes_scalar::signed_largest(x, size), -8.0f);
        if (search) d = lanes_scalar::best_integer_scale(x, weights, size, d, neighbourhood);
        const float stored = store_float16(d, block);
        if (search) d = stored;
        const float inverse = reciprocal_or_zero(d);
        std::uint8_t q[size];
        for (int i = 0; i < size; ++i) q[i] = nibble(x[i] * inverse, 8.5f);
        store_nibbles(q, block + 2);
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) { load_nibbles(block + 2, q); }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block);
        for (int i = 0; i < size; ++i) x[i] = static_cast<float>(q[i] - 8) * d;
    }
};

struct ggml_q4_1 {
    static constexpr int size = 32, bytes = 20;
    static constexpr line_search neighbourhood{15, 16, false};

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        const lanes_scalar::value_range range(x, size, x[0]);
        float d = quotient(range.largest - range.lowest, 15.0f), m = range.lowest;
        if (search) {
            const auto line = lanes_scalar::best_line(x, weights, size, range, neighbourhood);
            d = line.scale;
            m = line.minimum;
        }
        const float stored = store_float16(d, block), stored_m = store_float16(m, block + 2);
        if (search) {
            d = stored;
            m = stored_m;
        }
        const float inverse = reciprocal_or_zero(d);
        std::uint8_t q[size];
        for (int i = 0; i < size; ++i) q[i] = nibble(opaque(x[i] - m) * inverse, 0.5f);
        store_nibbles(q, block + 4);
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) { load_nibbles(block + 4, q); }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block), m = load_float16(block + 2);
        for (int i = 0; i < size; ++i) x[i] = opaque(static_cast<float>(q[i]) * d) + m;
    }
};

struct ggml_q8_0 {
    static constexpr int size = 32, bytes = 34;

    static constexpr integer_search neighbourhood{-127, 127, 8, 0.02f};

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float d = quotient(largest_magnitude(x, size), 127.0f);
        if (search) d = lanes_scalar::best_integer_scale(x, weights, size, d, neighbourhood);
        const float stored = store_float16(d, block);
        if (search) d = stored;
        const float inverse = reciprocal_or_zero(d);
        for (int i = 0; i < size; ++i) {
            const float code = std::clamp(round_to_integer(x[i] * inverse, ties::away), -127.0f, 127.0f);
            block[2 + i] = static_cast<std::uint8_t>(static_cast<std::int8_t>(code));
        }
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) { std::copy_n(block + 2, size, q); }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block);
        for (int i = 0; i < size; ++i) x[i] = static_cast<float>(static_cast<std::int8_t>(q[i])) * d;
    }
};

struct ggml_iq4_nl {
    static constexpr int size = 32, bytes = 18;
    static constexpr codebook_table table = make_codebook_table(iq4_nl_levels);

    static void encode(const float* x, bool /*search*/, const float* weights, std::uint8_t* block) {
        const float scale = lanes_scalar::best_codebook_scale(x, weights, size, make_codebook_search(table));
        const float inverse = reciprocal_or_zero(store_float16(scale, block));
        std::uint8_t q[size];
        for (int i = 0; i < size; ++i) q[i] = table.nearest(x[i] * inverse);
        store_nibbles(q, block + 2);
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) { load_nibbles(block + 2, q); }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        const float d = load_float16(block);
        for (int i = 0; i < size; ++i) x[i] = d * iq4_nl_levels[q[i]];
    }
};

struct ggml_mxfp4 {
    static constexpr int size = 32, bytes = 17;
    static constexpr float thresholds[] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f};

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        const float amax = largest_magnitude(x, size);
        int exponent = e8m0::min_exponent;
        if (amax != 0) exponent = e8m0::from_exponent(mx_exponent<float4_e2m1>(amax, mx_scale::floor)).exponent();
        if (amax != 0 && search) exponent = mx_best_exponent<float4_e2m1>(x, size, exponent, ties::even, weights);
        block[0] = e8m0::from_exponent(exponent).to_bits();
        std::uint8_t q[size];
        for (int i = 0; i < size; ++i) {
            // The first of the nearest levels, in the order of codes: ties go toward zero, and there is no −0.
            const float magnitude = times_power_of_two(std::abs(x[i]), -exponent);
            int code = 0;
            for (const float threshold : thresholds) code += magnitude > threshold;
            q[i] = static_cast<std::uint8_t>(code != 0 && x[i] < 0 ? code | 8 : code);
        }
        store_nibbles(q, block + 1);
    }
    static void codes(const std::uint8_t* block, std::uint8_t* q) { load_nibbles(block + 1, q); }
    static void decode(const std::uint8_t* block, const std::uint8_t* q, float* x) {
        for (int i = 0; i < size; ++i) {
            const auto element = static_cast<float>(float4_e2m1::from_bits(q[i]));
            x[i] = is_zero(element) ? 0.0f : times_power_of_two(element, block[0] - 127);
        }
    }
};

}  // namespace detail

}  // namespace lowbit
