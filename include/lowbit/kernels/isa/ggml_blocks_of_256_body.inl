// SPDX-License-Identifier: Apache-2.0
// kernels/ggml_blocks_of_256.hpp on lanes: the parts of blocks side by side. See quantize_body.inl for how this file is
// included.

namespace lowbit::detail::LOWBIT_LANES {

/// Two blocks of eight parts at a time.
__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_q4_k layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t part = layout.part, parts = layout.parts;
    search_tile tile;
    for (std::ptrdiff_t first = 0; first < n; first += 2 * layout.size, blocks += 2 * layout.bytes) {
        const std::ptrdiff_t count = n - first < 2 * layout.size ? 1 : 2;
        tile.load_blocks(x + first, weights_from(importance, first), count * parts, part);
        const auto line = best_line(tile.values, tile.weights(), part, value_range(tile.values, part, splat(0.0f)),
                                    layout.lines(search));
        float scales[lane_count], minima[lane_count], d[lane_count], dmin[lane_count];
        store(scales, line.scale);
        store(minima, subtract(splat(0.0f), line.minimum));
        for (std::ptrdiff_t b = 0; b < 2; ++b) {
            // Without a second block its place is taken by the first one's.
            std::uint8_t* const block = blocks + (b < count ? b : 0) * layout.bytes;
            const std::ptrdiff_t of = (b < count ? b : 0) * parts;
            const auto steps = layout.store_steps(scales + of, minima + of, block);
            for (std::ptrdiff_t j = b * parts; j < (b + 1) * parts; ++j) d[j] = steps.scale, dmin[j] = steps.minimum;
        }
        const scale_and_minimum steps{load(d), load(dmin)};
        const scale_and_minimum multiples =
            best_multiples(tile.values, tile.weights(), part, steps,
                           nearest_multiples({load(scales), load(minima)}, steps), layout.rounds(search));
        float inverses[lane_count], offsets[lane_count];
        store(scales, multiples.scale);
        store(minima, multiples.minimum);
        store(offsets, multiply(multiples.minimum, steps.minimum));
        store(inverses, reciprocal_or_zero(opaque(multiply(multiples.scale, steps.scale))));
        const integer_levels level(0.0f, 15.0f);
        const auto codes = [&](std::ptrdiff_t j, std::ptrdiff_t i) __attribute__((LOWBIT_TARGET, always_inline)) {
            const f32 shifted = opaque(add(load(x + first + j * part + i), splat(offsets[j])));
            return truncate(level(opaque(multiply(shifted, splat(inverses[j])))));
        };
        for (std::ptrdiff_t j = 0; j < count * parts; ++j) {
            std::uint8_t* const block = blocks + j / parts * layout.bytes;
            layout.store_pair(static_cast<int>(j % parts), {static_cast<int>(scales[j]), static_cast<int>(minima[j])},
                              block + 4);
            if (j % 2 != 0) continue;
            for (std::ptrdiff_t i = 0; i < part; i += 16) {
                store_nibbles(block + 16 + j % parts * part / 2 + i, codes(j, i), codes(j + 1, i));
            }
        }
    }
}

/// A block of sixteen parts at a time.
__attribute__((LOWBIT_TARGET)) inline void quantize_ggml(ggml_q6_k layout, const float* x, std::ptrdiff_t n,
                                                         bool search, const float* importance, std::uint8_t* blocks) {
    constexpr std::ptrdiff_t part = layout.part;
    search_tile tile;
    for (std::ptrdiff_t first = 0; first < n; first += layout.size, blocks += layout.bytes) {
        tile.load_blocks(x + first, weights_from(importance, first), lane_count, part);
        const f32 standard = opaque(divide(signed_largest(tile.values, part), splat(-32.0f)));
        float scales[lane_count], steps[lane_count];
        store(scales, best_integer_scale(tile.values, tile.weights(), part, standard, layout.neighbourhood(search)));
        const float d =
            store_float16(quotient(lanes_scalar::signed_largest(scales, lane_count), -128.0f), blocks + 208);
        const f32 inverse = splat(lanes_scalar::reciprocal_or_zero(d));
        const f32 sc = integer_levels(-128.0f, 127.0f)(opaque(multiply(load(scales), inverse)));
        narrow(reinterpret_cast<std::int8_t*>(blocks + 192), truncate(sc));
        store(steps, reciprocal_or_zero(opaque(multiply(sc, splat(d)))));
        const integer_levels level(-32.0f, 31.0f);
        const auto codes = [&](std::ptrdiff_t j) __attribute__((LOWBIT_TARGET, always_inline)) {
            const f32 y = opaque(multiply(load(x + first + j * part), splat(steps[j])));
            return add(truncate(level(y)), splat(32));
        };
        // Parts j, j + 2, j + 4, j + 6 of a half share bytes.
        for (const std::ptrdiff_t j : {0, 1, 8, 9}) {
            const i32 a = codes(j), b = codes(j + 2), c = codes(j + 4), e = codes(j + 6), low = splat(15);
            std::uint8_t* const lows = blocks + j / 8 * 64 + j % 8 * 16;
            store_nibbles(lows, bit_and(a, low), bit_and(c, low));
            store_nibbles(lows + 32, bit_and(b, low), bit_and(e, low));
            const i32 high = bit_or(shift_right<4>(a), shift_left<2>(shift_right<4>(b)));
            const i32 higher = bit_or(shift_left<4>(shift_right<4>(c)), shift_left<6>(shift_right<4>(e)));
            narrow(blocks + 128 + j / 8 * 32 + j % 8 * 16, bit_or(high, higher));
        }
    }
}

}  // namespace lowbit::detail::LOWBIT_LANES
