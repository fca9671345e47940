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
/// (kernels/block_search.hpp). `search` makes the others do so too, and the first two try more.
/// This code is normative. Values are finite. A last block with fewer than all values is encoded as if zeros followed.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/minifloat.hpp>
#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/kernels/block_search.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/quantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lowbit {

/// A block layout of GGUF.
enum class ggml_type { q4_0, q4_1, q8_0, q4_k, q6_k, iq4_nl, mx_fp4 };

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

/// 0 also where 1/x is not finite, or where x counts as 0 on a processor that flushes subnormals.
inline float reciprocal_or_zero(float x) { return std::abs(x) >= 0x1p-126f ? quotient(1.0f, x) : 0.0f; }

inline float round_and_clamp(float x, float low, float high) { return std::clamp(std::nearbyint(x), low, high); }

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

/// The value of the largest magnitude, with its sign; the first of equals.
inline float signed_largest(const float* x, int n) {
    float largest = 0;
    for (int i = 0; i < n; ++i) largest = std::abs(x[i]) > std::abs(largest) ? x[i] : largest;
    return largest;
}

/// Smallest normal scale that a search is worth starting from: what float16 cannot hold is encoded by the plain rule.
inline constexpr float searchable = 0x1p-24f;

struct ggml_q4_0 {
    static constexpr int size = 32, bytes = 18;

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float d = quotient(signed_largest(x, size), -8.0f);
        if (search && std::abs(d) >= searchable) {
            const auto level = [](float y) { return round_and_clamp(y, -8.0f, 7.0f); };
            d = store_float16(least_squares_scale(x, size, weights, d, 8, 0.25f, level), block);
        } else {
            store_float16(d, block);
        }
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

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        const auto [lowest, largest] = std::minmax_element(x, x + size);
        float d = quotient(*largest - *lowest, 15.0f), m = *lowest;
        if (search && d >= searchable) {
            const auto line = least_squares_line(x, size, weights, *lowest, *largest, 15, false, 16);
            d = store_float16(line.scale, block);
            m = store_float16(line.minimum, block + 2);
        } else {
            store_float16(d, block);
            store_float16(m, block + 2);
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

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float d = quotient(largest_magnitude(x, size), 127.0f);
        if (search && d >= searchable) {
            const auto level = [](float y) { return round_and_clamp(y, -127.0f, 127.0f); };
            d = store_float16(least_squares_scale(x, size, weights, d, 8, 0.02f, level), block);
        } else {
            store_float16(d, block);
        }
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

struct ggml_q4_k {
    static constexpr int size = 256, bytes = 144, part = 32, parts = 8;

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        scale_and_minimum lines[parts];
        float scale = 0, minimum = 0;  // the largest of each
        for (int j = 0; j < parts; ++j) {
            const float* values = x + j * part;
            const auto [lowest, largest] = std::minmax_element(values, values + part);
            lines[j] =
                least_squares_line(values, part, weights != nullptr ? weights + j * part : nullptr,
                                   std::min(*lowest, 0.0f), std::max(*largest, 0.0f), 15, true, search ? 40 : 16);
            scale = std::max(scale, lines[j].scale);
            minimum = std::max(minimum, -lines[j].minimum);
        }
        const float d = store_float16(quotient(scale, 63.0f), block);
        const float dmin = store_float16(quotient(minimum, 63.0f), block + 2);
        const float inverse = reciprocal_or_zero(d), inverse_min = reciprocal_or_zero(dmin);
        std::fill_n(block + 4, 12, std::uint8_t{0});
        std::uint8_t q[size];
        for (int j = 0; j < parts; ++j) {
            const float* values = x + j * part;
            const auto guess = [](float exact, float reciprocal) {
                return static_cast<int>(round_and_clamp(exact * reciprocal, 0.0f, 63.0f));
            };
            const pair first{guess(lines[j].scale, inverse), guess(-lines[j].minimum, inverse_min)};
            const pair best =
                best_pair(values, weights != nullptr ? weights + j * part : nullptr, d, dmin, first, search ? 2 : 1);
            store_pair(j, best, block + 4);
            round_part(values, d, dmin, best, q + j * part);
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

private:
    struct pair {
        int scale, minimum;
    };

    static void round_part(const float* x, float d, float dmin, pair p, std::uint8_t* q) {
        const float offset = opaque(static_cast<float>(p.minimum) * dmin);
        const float inverse = reciprocal_or_zero(opaque(static_cast<float>(p.scale) * d));
        for (int i = 0; i < part; ++i) {
            q[i] = static_cast<std::uint8_t>(round_and_clamp((x[i] + offset) * inverse, 0.0f, 15.0f));
        }
    }

    /// The best of the pairs of 6-bit numbers within `reach` of the first one, now that d and dmin are known.
    static pair best_pair(const float* x, const float* weights, float d, float dmin, pair first, int reach) {
        pair best = first;
        double least = -1;
        for (int sc = std::max(first.scale - reach, 0); sc <= std::min(first.scale + reach, 63); ++sc) {
            for (int mn = std::max(first.minimum - reach, 0); mn <= std::min(first.minimum + reach, 63); ++mn) {
                std::uint8_t q[part];
                round_part(x, d, dmin, {sc, mn}, q);
                const float step = static_cast<float>(sc) * d, offset = static_cast<float>(mn) * dmin;
                squared_error error;
                for (int i = 0; i < part; ++i) {
                    const float decoded = step * static_cast<float>(q[i]) - offset;  // exact products, as in decode
                    error.add(i, x[i] - opaque(decoded), weights != nullptr ? weights[i] : 1.0f);
                }
                if (least < 0 || error.total() < least) {
                    least = error.total();
                    best = {sc, mn};
                }
            }
        }
        return best;
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

    static void encode(const float* x, bool search, const float* weights, std::uint8_t* block) {
        float scales[parts];
        for (int j = 0; j < parts; ++j) {
            const float guess = quotient(signed_largest(x + j * part, part), -32.0f);
            const auto level = [](float y) { return round_and_clamp(y, -32.0f, 31.0f); };
            scales[j] = std::abs(guess) < 0x1p-100f
                            ? 0.0f
                            : least_squares_scale(x + j * part, part, weights != nullptr ? weights + j * part : nullptr,
                                                  guess, search ? 16 : 8, 0.1f, level);
        }
        const float d = store_float16(quotient(signed_largest(scales, parts), -128.0f), block + 208);
        const float inverse = reciprocal_or_zero(d);
        std::uint8_t q[size];
        for (int j = 0; j < parts; ++j) {
            const float sc = round_and_clamp(scales[j] * inverse, -128.0f, 127.0f);
            block[192 + j] = static_cast<std::uint8_t>(static_cast<std::int8_t>(sc));
            const float step = reciprocal_or_zero(opaque(sc * d));
            for (int i = j * part; i < (j + 1) * part; ++i) {
                q[i] = static_cast<std::uint8_t>(static_cast<int>(round_and_clamp(x[i] * step, -32.0f, 31.0f)) + 32);
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

struct ggml_iq4_nl {
    static constexpr int size = 32, bytes = 18;
    static constexpr codebook_table table = make_codebook_table(iq4_nl_levels);

    static void encode(const float* x, bool /*search*/, const float* weights, std::uint8_t* block) {
        float scale = 0;
        codebook_best_scales(x, size, size, table, weights, &scale);
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
            for (const float threshold : {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f}) code += magnitude > threshold;
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
    if (includes(active_isa(), isa::avx2) && !search && (type == ggml_type::q8_0 || type == ggml_type::q4_0)) {
        const bool wide = includes(active_isa(), isa::avx512);
        const std::ptrdiff_t whole = n / 32 * 32;
        if (type == ggml_type::q8_0) {
            (wide ? detail::lanes_avx512::quantize_q8_0 : detail::lanes_avx2::quantize_q8_0)(x, whole, blocks);
            blocks += whole / 32 * detail::ggml_q8_0::bytes;
        } else {
            (wide ? detail::lanes_avx512::quantize_q4_0 : detail::lanes_avx2::quantize_q4_0)(x, whole, blocks);
            blocks += whole / 32 * detail::ggml_q4_0::bytes;
        }
        x += whole;
        n -= whole;
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
