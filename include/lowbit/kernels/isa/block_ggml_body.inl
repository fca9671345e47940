// SPDX-License-Identifier: Apache-2.0
// Q8_0 and Q4_0 of kernels/block_ggml.hpp. See quantize_body.inl for how this file is included. Here d is the block's first
// two bytes, little-endian, as the processor is.

namespace lowbit::detail::LOWBIT_LANES {

/// float16 d and 1/d of sixteen blocks; 0 for 1/0. d is at least that of a usual block, or 0.
__attribute__((LOWBIT_TARGET, always_inline)) inline void ggml_scales(f32 d, std::uint16_t* halves, float* inverses) {
    const f32 limit = splat(65504.0f);
    store_halves(halves, max(min(d, limit), subtract(splat(0.0f), limit)));
    const mask zero = equal(bit_and(bits(d), splat(0x7fffffff)), splat(0));
    store(inverses, select(zero, splat(0.0f), opaque(divide(splat(1.0f), d))));
}

__attribute__((LOWBIT_TARGET)) inline void quantize_q8_0(const float* x, std::ptrdiff_t n, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t block = 32, size = 34, tile_blocks = block_tile / block;
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
            ggml_scales(opaque(divide(as_float(load(amax + b)), splat(127.0f))), d + b, inverses + b);
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
            if (is_unusual(amax[b]) || b == count / 2 * 2) [[unlikely]] {  // the last one of an odd number too
                ggml_q8_0::encode(values + b * block, false, nullptr, out + b * size);
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

__attribute__((LOWBIT_TARGET)) inline void quantize_q4_0(const float* x, std::ptrdiff_t n, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t block = 32, size = 18, tile_blocks = block_tile / block;
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
            ggml_scales(opaque(divide(largest, splat(-8.0f))), d + b, inverses + b);
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
            if (largest > 0 && (above == below || is_unusual(static_cast<std::uint32_t>(largest)))) [[unlikely]] {
                ggml_q4_0::encode(from, false, nullptr, to);
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

}  // namespace lowbit::detail::LOWBIT_LANES
