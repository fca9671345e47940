// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_codebook.hpp. See quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

template <int Block>
__attribute__((LOWBIT_TARGET)) void codebook_scales(const float* x, std::ptrdiff_t n, float top, float* scales) {
    std::uint32_t amax[block_tile / Block + 16];
    float quotients[16];
    const f32 tops = splat(top);
    const std::ptrdiff_t whole = n / Block * Block;
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t blocks = (whole - first < block_tile ? whole - first : block_tile) / Block;
        block_maxima<Block>(x + first, blocks, amax);
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            store(quotients, opaque(divide(as_float(load(amax + b)), tops)));
            const std::ptrdiff_t count = blocks - b < 16 ? blocks - b : 16;
            __builtin_memcpy(scales + first / Block + b, quotients, static_cast<std::size_t>(count) * sizeof(float));
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

/// block is a multiple of 16.
__attribute__((LOWBIT_TARGET)) inline void quantize_codebook(const float* x, std::ptrdiff_t n, std::ptrdiff_t block,
                                                             const codebook_table& table, const float* scales,
                                                             std::uint8_t* codes, caching how) {
    const rank_search rank(table.thresholds.data());
    const i32 code_of_rank = splat_quarter(table.codes.data());
    const std::ptrdiff_t whole = n / 64 * 64;
    const code_output output(4, codes + whole / 2, bypasses(how, codes));
    f32 inverse{};
    std::ptrdiff_t block_end = 0;
    const auto ranks = [&](std::ptrdiff_t at) __attribute__((LOWBIT_TARGET, always_inline)) {
        if (at == block_end) {
            const float scale = *scales++, magnitude = scale < 0 ? -scale : scale;
            inverse = splat(magnitude >= 0x1p-126f ? quotient(1.0f, scale) : 0.0f);
            block_end += block;
        }
        return rank(multiply(load(x + at), inverse));
    };
    for (std::ptrdiff_t i = 0; i < whole; i += 64) {
        prefetch(x + i, beyond_callers_tile);
        const i32 a = ranks(i), b = ranks(i + 16), c = ranks(i + 32), d = ranks(i + 48);
        const i32 bytes = pack_codes(pack_words(a, b), pack_words(c, d), std::uint8_t{});
        output.put(codes + i / 2, shuffle_bytes(code_of_rank, bytes));
    }
    // What is left of the block that the last 64 values ended in, and then whole blocks.
    const std::ptrdiff_t rest = n - whole < block_end - whole ? n - whole : block_end - whole;
    if (rest > 0) scalar::quantize_codebook(x + whole, rest, rest, table, scales - 1, codes + whole / 2);
    const std::ptrdiff_t next = whole + (rest > 0 ? rest : 0);
    scalar::quantize_codebook(x + next, n - next, block, table, scales, codes + next / 2);
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
