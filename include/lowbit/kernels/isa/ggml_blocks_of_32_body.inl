// SPDX-License-Identifier: Apache-2.0
// kernels/ggml_blocks_of_32.hpp on lanes. See quantize_body.inl for how this file is included. Here d is a block's
// first two bytes, little-endian, as the processor is. Every `quantize_ggml` takes whole blocks.

namespace lowbit::detail::LOWBIT_LANES {

__attribute__((LOWBIT_TARGET, always_inline)) inline f32 clamp_to_float16(f32 x) {
    return max(min(x, splat(65504.0f)), splat(-65504.0f));
}

/// float16 d and 1/d of sixteen blocks; 0 for 1/0. d is at least that of a usual block, or 0.
__attribute__((LOWBIT_TARGET, always_inline)) inline void ggml_scales(f32 d, std::uint16_t* halves, float* inverses) {
    store_halves(halves, clamp_to_float16(d));
    store(inverses, reciprocal_or_zero(d));
}

/// Whether a block is one for the scalar code: a searched d is rounded to float16 before it is used, and from 2^18 on
/// that may be too small for the block.
LOWBIT_ALWAYS_INLINE bool ggml_unusual(std::uint32_t amax, bool search) {
    return is_unusual(amax) || (search && amax >= (127u + 18) << 23);
}

/// d of least error for up to sixteen blocks, as it is stored.
__attribute__((LOWBIT_TARGET)) inline f32 ggml_search(const float* x, const float* importance, std::ptrdiff_t blocks,
                                                      f32 d, const integer_search& how) {
    search_tile tile;
    tile.load_blocks(x, importance, blocks, 32);
    return through_half(clamp_to_float16(best_integer_scale(tile.values, tile.weights(), 32, d, how)));
}

__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_q8_0 layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t block = 32, size = layout.bytes, tile_blocks = block_tile / block;
    std::uint32_t amax[tile_blocks];
    float inverses[tile_blocks];
    std::uint16_t d[tile_blocks];
    const i32 low = splat_bytes(-127), high = splat_bytes(127);
    for (std::ptrdiff_t first = 0; first < n; first += block_tile) {
        const std::ptrdiff_t count = (n - first < block_tile ? n - first : block_tile) / block;
        const float* values = x + first;
        std::uint8_t* out = blocks + first / block * size;
        block_maxima<block>(values, count, amax);
        for (std::ptrdiff_t b = 0; b < count; b += 16) {
            f32 scale = opaque(divide(as_float(load(amax + b)), splat(127.0f)));
            if (search)
                scale = ggml_search(values + b * block, weights_from(importance, first + b * block),
                                    count - b < lane_count ? count - b : lane_count, scale, layout.neighbourhood);
            ggml_scales(scale, d + b, inverses + b);
        }
        for (std::ptrdiff_t b = 0; b + 2 <= count; b += 2) {
            const float* from = values + b * block;
            prefetch(from);
            const f32 inverse = splat(inverses[b]), next = splat(inverses[b + 1]);
            const i32 left = pack_words(rounded<ties::away>(multiply(load(from), inverse)),
                                        rounded<ties::away>(multiply(load(from + 16), inverse)));
            const i32 right = pack_words(rounded<ties::away>(multiply(load(from + 32), next)),
                                         rounded<ties::away>(multiply(load(from + 48), next)));
            const i32 bytes = clamp_codes(pack_codes(left, right, std::int8_t{}), low, high, std::int8_t{});
            std::uint8_t* to = out + b * size;
            __builtin_memcpy(to, d + b, 2);
            store_first_half(to + 2, bytes);
            __builtin_memcpy(to + size, d + b + 1, 2);
            store_second_half(to + size + 2, bytes);
        }
        for (std::ptrdiff_t b = 0; b < count; ++b) {
            if (ggml_unusual(amax[b], search) || b == count / 2 * 2)
                [[unlikely]] {  // the last one of an odd number too
                ggml_q8_0::encode(values + b * block, search, weights_from(importance, first + b * block),
                                  out + b * size);
            }
        }
    }
}

/// d of a block.
__attribute__((LOWBIT_TARGET, always_inline)) inline float ggml_d(const std::uint8_t* block) {
    std::uint16_t half;
    __builtin_memcpy(&half, block, 2);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
}

__attribute__((LOWBIT_TARGET)) inline void dequantize_q8_0(const std::uint8_t* blocks, std::ptrdiff_t n, float* x,
                                                           caching how) {
    const bool bypass = bypasses(how, x);
    for (std::ptrdiff_t i = 0; i < n; i += 32, blocks += 34) {
        const f32 d = splat(ggml_d(blocks));
        const auto* codes = reinterpret_cast<const std::int8_t*>(blocks + 2);
        put(x + i, multiply(to_float(load(codes)), d), bypass);
        put(x + i + 16, multiply(to_float(load(codes + 16)), d), bypass);
    }
}

__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_q4_0 layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t block = 32, size = layout.bytes, tile_blocks = block_tile / block;
    std::uint32_t positive[tile_blocks], negative[tile_blocks];
    float inverses[tile_blocks];
    std::uint16_t d[tile_blocks];
    const f32 low = splat(-8.0f), shift = splat(8.5f);
    const auto codes = [&](const float* from, f32 inverse) __attribute__((LOWBIT_TARGET, always_inline)) {
        return min(truncate(add(opaque(max(multiply(load(from), inverse), low)), shift)), splat(15));
    };
    for (std::ptrdiff_t first = 0; first < n; first += block_tile) {
        const std::ptrdiff_t count = (n - first < block_tile ? n - first : block_tile) / block;
        const float* values = x + first;
        std::uint8_t* out = blocks + first / block * size;
        block_maxima<block, extreme::positive>(values, count, positive);
        block_maxima<block, extreme::negative>(values, count, negative);
        for (std::ptrdiff_t b = 0; b < count; b += 16) {
            // Of zeros of either sign, +0 is taken.
            const i32 above = max(load(positive + b), splat(0)), below = load(negative + b);
            const f32 largest =
                select(greater(below, above), as_float(bit_or(below, splat(INT32_MIN))), as_float(above));
            f32 scale = opaque(divide(largest, splat(-8.0f)));
            if (search)
                scale = ggml_search(values + b * block, weights_from(importance, first + b * block),
                                    count - b < lane_count ? count - b : lane_count, scale, layout.neighbourhood);
            ggml_scales(scale, d + b, inverses + b);
        }
        for (std::ptrdiff_t b = 0; b < count; ++b) {
            const float* from = values + b * block;
            if (b % 2 == 0) prefetch(from);
            std::uint8_t* to = out + b * size;
            const f32 inverse = splat(inverses[b]);
            __builtin_memcpy(to, d + b, 2);
            narrow(to + 2, bit_or(codes(from, inverse), shift_left<4>(codes(from + 16, inverse))));
            // Which of two opposite values comes first decides the sign of d.
            const auto above = static_cast<std::int32_t>(positive[b]), below = static_cast<std::int32_t>(negative[b]);
            const std::int32_t largest = above > below ? above : below;
            if (largest > 0 && (above == below || ggml_unusual(static_cast<std::uint32_t>(largest), search)))
                [[unlikely]] {
                ggml_q4_0::encode(from, search, weights_from(importance, first + b * block), to);
            }
        }
    }
}

__attribute__((LOWBIT_TARGET)) inline void dequantize_q4_0(const std::uint8_t* blocks, std::ptrdiff_t n, float* x,
                                                           caching how) {
    const bool bypass = bypasses(how, x);
    float levels[16];
    for (int code = 0; code < 16; ++code) levels[code] = static_cast<float>(code - 8);
    const f32 table = load(levels);
    for (std::ptrdiff_t i = 0; i < n; i += 32, blocks += 18) {
        const f32 scaled = multiply(table, splat(ggml_d(blocks)));
        const i32 codes = load(blocks + 2);
        put(x + i, lookup(scaled, codes), bypass);
        put(x + i + 16, lookup(scaled, shift_right<4>(codes)), bypass);
    }
}

/// Sixteen blocks at a time: f(values, importance or null, number of blocks, bytes).
template <class Layout, class Function>
__attribute__((LOWBIT_TARGET, always_inline)) inline void for_sixteen_blocks(Layout layout, const float* x,
                                                                             std::ptrdiff_t n, const float* importance,
                                                                             std::uint8_t* blocks, Function f) {
    for (std::ptrdiff_t first = 0; first < n; first += lane_count * layout.size) {
        const std::ptrdiff_t left = (n - first) / layout.size;
        f(x + first, weights_from(importance, first), left < lane_count ? left : lane_count,
          blocks + first / layout.size * layout.bytes);
    }
}

/// Codes of 16 values in low nibbles, of the 16 after them in high ones.
__attribute__((LOWBIT_TARGET, always_inline)) inline void store_nibbles(std::uint8_t* p, i32 low, i32 high) {
    narrow(p, bit_or(low, shift_left<4>(high)));
}

__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_q4_1 layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    const auto sixteen = [&](const float* values, const float* weights, std::ptrdiff_t count, std::uint8_t* out)
        __attribute__((LOWBIT_TARGET)) {
        search_tile tile;
        tile.load_blocks(values, weights, count, layout.size);
        const value_range range(tile.values, layout.size, load(tile.values));
        f32 d = opaque(divide(opaque(subtract(range.largest, range.lowest)), splat(15.0f))), m = range.lowest;
        float widths[lane_count];
        store(widths, d);
        if (search) {
            const auto line = best_line(tile.values, tile.weights(), layout.size, range, layout.neighbourhood);
            d = through_half(clamp_to_float16(line.scale));
            m = through_half(clamp_to_float16(line.minimum));
        }
        float inverses[lane_count], minima[lane_count];
        std::uint16_t halves[2][lane_count];
        ggml_scales(d, halves[0], inverses);
        store_halves(halves[1], clamp_to_float16(m));
        store(minima, m);
        for (std::ptrdiff_t b = 0; b < count; ++b) {
            const f32 minimum = splat(minima[b]), inverse = splat(inverses[b]);
            const auto codes = [&](const float* from) __attribute__((LOWBIT_TARGET, always_inline)) {
                const f32 y = opaque(multiply(opaque(subtract(load(from), minimum)), inverse));
                return truncate(min(max(add(y, splat(0.5f)), splat(0.0f)), splat(15.0f)));
            };
            std::uint8_t* const to = out + b * layout.bytes;
            __builtin_memcpy(to, halves[0] + b, 2);
            __builtin_memcpy(to + 2, halves[1] + b, 2);
            store_nibbles(to + 4, codes(values + b * layout.size), codes(values + b * layout.size + 16));
            if (!is_finite(widths[b])) [[unlikely]] {  // a range past float32's
                layout.encode(values + b * layout.size, search, weights_from(weights, b * layout.size), to);
            }
        }
    };
    for_sixteen_blocks(layout, x, n, importance, blocks, sixteen);
}

__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_iq4_nl layout, const float* x, std::ptrdiff_t n,
                                                         bool /*search*/, const float* importance,
                                                         std::uint8_t* blocks) {
    const codebook_search table = make_codebook_search(layout.table);
    const rank_search rank(layout.table.thresholds.data());
    const auto sixteen = [&](const float* values, const float* weights, std::ptrdiff_t count, std::uint8_t* out)
        __attribute__((LOWBIT_TARGET)) {
        search_tile tile;
        tile.load_blocks(values, weights, count, layout.size);
        const f32 scale = best_codebook_scale(tile.values, tile.weights(), layout.size, table);
        float inverses[lane_count];
        std::uint16_t halves[lane_count];
        ggml_scales(through_half(clamp_to_float16(scale)), halves, inverses);
        for (std::ptrdiff_t b = 0; b < count; ++b) {
            const float* const from = values + b * layout.size;
            const f32 inverse = splat(inverses[b]);
            std::uint8_t* const to = out + b * layout.bytes;
            __builtin_memcpy(to, halves + b, 2);
            // Its levels rise with their codes.
            store_nibbles(to + 2, rank(multiply(load(from), inverse)), rank(multiply(load(from + 16), inverse)));
        }
    };
    for_sixteen_blocks(layout, x, n, importance, blocks, sixteen);
}

__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_mxfp4 layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    // Codes 15 … 9, 0 … 7 by rising value. Below 0 "at least the threshold" is "above the next float below".
    float thresholds[15], codes[16] = {};
    for (int i = 0; i < 7; ++i) {
        const float threshold = layout.thresholds[i];
        thresholds[7 + i] = threshold;
        thresholds[6 - i] = -std::bit_cast<float>(std::bit_cast<std::uint32_t>(threshold) + 1);
        codes[8 + i] = static_cast<float>(i + 1);
        codes[6 - i] = static_cast<float>(i + 9);
    }
    thresholds[14] = 0x1p127f;
    codes[15] = 7;
    const rank_search rank(thresholds);
    const f32 code_of_rank = load(codes);
    const auto sixteen = [&](const float* values, const float* weights, std::ptrdiff_t count, std::uint8_t* out)
        __attribute__((LOWBIT_TARGET)) {
        std::uint32_t amax[lane_count];
        float inverses[lane_count];
        std::uint8_t scales[lane_count];
        block_maxima<layout.size>(values, count, amax);
        const bool unusual = mx_scales<float4_e2m1>(amax, scales);
        if (search) mx_search<float4_e2m1>(values, weights, count, scales);
        mx_inverses<0>(scales, inverses);
        for (std::ptrdiff_t b = 0; b < count; ++b) {
            const float* const from = values + b * layout.size;
            const f32 inverse = splat(inverses[b]);
            const auto code = [&](const float* p) __attribute__((LOWBIT_TARGET, always_inline)) {
                return truncate(lookup(code_of_rank, rank(multiply(load(p), inverse))));
            };
            std::uint8_t* const to = out + b * layout.bytes;
            to[0] = scales[b];
            store_nibbles(to + 1, code(from), code(from + 16));
            if (unusual && is_unusual(amax[b])) [[unlikely]] {
                layout.encode(from, search, weights_from(weights, b * layout.size), to);
            }
        }
    };
    for_sixteen_blocks(layout, x, n, importance, blocks, sixteen);
}

}  // namespace lowbit::detail::LOWBIT_LANES
