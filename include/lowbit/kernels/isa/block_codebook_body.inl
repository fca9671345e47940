// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_codebook.hpp. See quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

template <int Block>
__attribute__((LOWBIT_TARGET)) void codebook_scales(const float* x, std::ptrdiff_t n, float top, float* scales) {
    std::uint32_t amax[block_tile / Block + 16];
    const f32 tops = splat(top);
    const std::ptrdiff_t whole = n / Block * Block;
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t blocks = (whole - first < block_tile ? whole - first : block_tile) / Block;
        block_maxima<Block>(x + first, blocks, amax);
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            const f32 quotients = opaque(divide(as_float(load(amax + b)), tops));
            float* const to = scales + first / Block + b;
            if (blocks - b >= 16) {
                store(to, quotients);
            } else {
                float some[16];
                store(some, quotients);
                __builtin_memcpy(to, some, static_cast<std::size_t>(blocks - b) * sizeof(float));
            }
        }
    }
    scalar::codebook_scales(x + whole, n - whole, Block, top, scales + whole / Block);
}

/// block is at most `most_searched`.
__attribute__((LOWBIT_TARGET)) inline void codebook_best_scales(const float* x, std::ptrdiff_t n, std::ptrdiff_t block,
                                                                const codebook_search& table, const float* importance,
                                                                float* scales) {
    search_tile tile;
    float best[lane_count];
    while (n >= block) {
        const std::ptrdiff_t blocks = n / block < lane_count ? n / block : lane_count, count = blocks * block;
        tile.load_blocks(x, importance, blocks, block);
        store(best, best_codebook_scale(tile.values, tile.weights(), block, table));
        __builtin_memcpy(scales, best, static_cast<std::size_t>(blocks) * sizeof(float));
        x += count;
        if (importance != nullptr) importance += count;
        n -= count;
        scales += blocks;
    }
    scalar::codebook_best_scales(x, n, block, table, importance, scales);
}

/// The ranks of 64 values, one a byte, each sixteen with an inverse of their own.
__attribute__((LOWBIT_TARGET, noinline)) inline i32 search_ranks(const float* x, const float* const (&inverses)[4],
                                                                 const codebook_table& table) {
    const rank_search rank(table.thresholds.data());
    const auto words = [&](int k) __attribute__((LOWBIT_TARGET, always_inline)) {
        return pack_words(rank(multiply(load(x + 16 * k), splat(*inverses[k]))),
                          rank(multiply(load(x + 16 * k + 16), splat(*inverses[k + 1]))));
    };
    return pack_codes(words(0), words(2), std::uint8_t{});
}

/// block is a multiple of 16.
__attribute__((LOWBIT_TARGET)) inline void quantize_codebook(const float* x, std::ptrdiff_t n, std::ptrdiff_t block,
                                                             const codebook_table& table, const float* scales,
                                                             std::uint8_t* codes, caching how) {
    const cell_lookup cells(table.cells.data());
    const i32 code_of_rank = splat_quarter(table.codes.data()), below_rank = splat_words(0xfff);
    const std::ptrdiff_t whole = n / 64 * 64, tile = 16 * block;
    const code_output output(4, codes + whole / 2, bypasses(how, codes));
    const bool by_cell = table.steps > 0;
    float inverses[16], factors[16];
    for (std::ptrdiff_t first = 0; first < whole; first += tile) {
        const std::ptrdiff_t count = whole - first < tile ? whole - first : tile;
        float some[16] = {};
        const float* tile_scales = scales + first / block;
        if (n - first < tile) {
            const std::ptrdiff_t blocks = (n - first + block - 1) / block;
            __builtin_memcpy(some, tile_scales, static_cast<std::size_t>(blocks) * sizeof(float));
            tile_scales = some;
        }
        const f32 inverse = reciprocal_or_zero(load(tile_scales));
        store(inverses, inverse);
        store(factors, multiply(inverse, splat(table.steps)));
        std::ptrdiff_t at = 0, block_end = block;
        for (std::ptrdiff_t i = 0; i < count; i += 64) {
            const float* values = x + first + i;
            prefetch(values, beyond_callers_tile);
            const auto block_of = [&](std::ptrdiff_t k) __attribute__((always_inline)) {
                if (i + 16 * k == block_end) ++at, block_end += block;
                return at;
            };
            const std::ptrdiff_t b0 = block_of(0), b1 = block_of(1), b2 = block_of(2), b3 = block_of(3);
            i32 bytes{};
            bool found = false;
            if (by_cell) {
                const auto ranks = [&](const float* p, std::ptrdiff_t a, std::ptrdiff_t b)
                    __attribute__((LOWBIT_TARGET, always_inline)) {
                    const i32 words = pack_words(round_even(multiply(load(p), splat(factors[a]))),
                                                 round_even(multiply(load(p + 16), splat(factors[b]))));
                    return subtract_words(words, cells(words));
                };
                const i32 low = ranks(values, b0, b1), high = ranks(values + 32, b2, b3);
                bytes = pack_codes(shift_right_words<12>(low), shift_right_words<12>(high), std::uint8_t{});
                found = !any_without(low, high, below_rank);
            }
            if (!found) [[unlikely]]
                bytes = search_ranks(values, {inverses + b0, inverses + b1, inverses + b2, inverses + b3}, table);
            output.put(codes + (first + i) / 2, shuffle_bytes(code_of_rank, bytes));
        }
    }
    // What is left of the block that the last 64 values ended in, and then whole blocks.
    const std::ptrdiff_t left = (block - whole % block) % block, rest = n - whole < left ? n - whole : left;
    if (rest > 0) scalar::quantize_codebook(x + whole, rest, rest, table, scales + whole / block, codes + whole / 2);
    const std::ptrdiff_t next = whole + rest;
    scalar::quantize_codebook(x + next, n - next, block, table, scales + next / block, codes + next / 2);
}

/// block is a multiple of 16.
__attribute__((LOWBIT_TARGET)) inline void dequantize_codebook(const std::uint8_t* codes, std::ptrdiff_t n,
                                                               std::ptrdiff_t block, const codebook_levels& levels,
                                                               const float* scales, float* x, caching how) {
    const f32 table = load(levels.data());
    const bool bypass = bypasses(how, x);
    const std::ptrdiff_t whole = n / block * block;
    for (std::ptrdiff_t first = 0; first < whole; first += block) {
        const f32 scaled = multiply(table, splat(*scales++));
        for (std::ptrdiff_t i = first; i < first + block; i += 16) {
            put(x + i, lookup(scaled, load_nibbles(codes + i / 2)), bypass);
        }
    }
    scalar::dequantize_codebook(codes + whole / 2, n - whole, block, levels, scales, x + whole);
}

}  // namespace lowbit::detail::LOWBIT_LANES
