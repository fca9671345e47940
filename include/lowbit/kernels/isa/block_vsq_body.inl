// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_vsq.hpp for vectors of 16 signed elements with scales of at most 8 bits. See
// quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

__attribute__((LOWBIT_TARGET)) inline void quantize_vsq(const float* x, std::ptrdiff_t n, float gamma,
                                                        const vsq_format& format, std::uint8_t* codes,
                                                        std::uint8_t* scales, caching how) {
    constexpr std::ptrdiff_t block = 16, tile_blocks = block_tile / block;
    std::uint32_t amax[tile_blocks];
    float inverses[tile_blocks];
    std::uint8_t tile_scales[tile_blocks];
    const int width = format.bits, scale_width = format.scale_bits;
    const f32 high = splat(static_cast<float>(format.highest())), gammas = splat(gamma), one = splat(1.0f);
    const f32 top = splat(static_cast<float>(format.highest_scale())), least = splat(0x1p-126f);
    const i32 low_bytes = splat_bytes(format.lowest()), high_bytes = splat_bytes(format.highest());
    const i32 used = splat_bytes((1 << width) - 1);
    const std::ptrdiff_t whole = n / (4 * block) * (4 * block);
    const code_output output(width, codes + whole / 8 * width, bypasses(how, codes));
    const code_output scale_output(scale_width, scales + whole / block / 8 * scale_width, false);
    static_assert(tile_blocks == 64);
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const float* values = x + first;
        block_maxima<block>(values, blocks, amax);
        bool too_large = false;
        std::uint8_t* const scales_out = scales + first / block / 8 * scale_width;
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            const f32 scale = opaque(divide(as_float(load(amax + b)), high));
            const f32 wanted = opaque(divide(scale, gammas));
            too_large |= any(greater(bits(wanted), splat(0x4a800000)));
            const i32 code = round_even(min(wanted, top));
            narrow(tile_scales + b, code);
            const f32 step = format.order == vsq_order::a ? scale : opaque(multiply(to_float(code), gammas));
            const mask zero = either(greater(least, step), equal(code, splat(0)));
            store(inverses + b, select(zero, splat(0.0f), opaque(divide(one, step))));
        }
        if (too_large) [[unlikely]] {  // a γ of other values, and quotients that int32 might not hold
            scalar::quantize_vsq(values, count, gamma, format, codes + first / 8 * width, scales_out);
            continue;
        }
        for (std::ptrdiff_t i = 0; i < count; i += 4 * block) {
            prefetch(values + i, beyond_callers_tile);
            const auto words = [&](int b) __attribute__((LOWBIT_TARGET, always_inline)) {
                const float *from = values + i + b * block, *inverse = inverses + i / block + b;
                return pack_words(round_even(multiply(load(from), splat(inverse[0]))),
                                  round_even(multiply(load(from + block), splat(inverse[1]))));
            };
            const i32 bytes = pack_codes(words(0), words(2), std::int8_t{});
            const i32 clamped = clamp_codes(bytes, low_bytes, high_bytes, std::int8_t{});
            output.put(codes + (first + i) / 8 * width, bit_and(clamped, used));
        }
        // Last: it waits until the bytes of the scales are in the cache.
        if (blocks == 64) {
            scale_output.put(scales_out, load_bytes(tile_scales));
        } else {
            lowbit::pack_codes(tile_scales, blocks, scale_width, scales_out);
        }
    }
    // Whole vectors in fours: their scales need not end on a byte.
    const std::ptrdiff_t rest = n - whole, scale_bits = whole / block * scale_width;
    if (rest > 0) {
        std::uint8_t rest_scales[4] = {};
        scalar::quantize_vsq(x + whole, rest, gamma, format, codes + whole / 8 * width, rest_scales);
        if (scale_bits % 8 != 0) scales[scale_bits / 8] &= static_cast<std::uint8_t>((1 << (scale_bits % 8)) - 1);
        const std::ptrdiff_t last = (scale_bits + (rest + block - 1) / block * scale_width + 7) / 8;
        for (std::ptrdiff_t byte = (scale_bits + 7) / 8; byte < last; ++byte) scales[byte] = 0;
        copy_bits(rest_scales, 0, scales, scale_bits, (rest + block - 1) / block * scale_width);
    }
}

__attribute__((LOWBIT_TARGET)) inline void dequantize_vsq(const std::uint8_t* codes, const std::uint8_t* scales,
                                                          std::ptrdiff_t n, float gamma, const vsq_format& format,
                                                          float* x, caching how) {
    constexpr std::ptrdiff_t block = 16;
    const int width = format.bits, scale_width = format.scale_bits;
    const bool bypass = bypasses(how, x);
    const f32 gammas = splat(gamma), none = opaque(splat(0.0f));
    float levels[16];
    for (int code = 0; code < 16; ++code) levels[code] = static_cast<float>(code < 8 ? code : code - 16);
    const f32 table = load(levels);
    std::int8_t unpacked[block_tile];
    std::uint8_t unpacked_scales[block_tile / block + 16];
    float tile_scales[block_tile / block];
    const unpacker unpack(width), unpack_scales(scale_width);
    const std::ptrdiff_t whole = n / (8 * block) * (8 * block);
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const std::uint8_t *from = codes + first / 8 * width, *scales_from = scales + first / block / 8 * scale_width;
        const std::uint8_t* scale_codes =
            unpack_tile(unpack_scales, scales_from, blocks, (n - first) / block, unpacked_scales);
        std::ptrdiff_t b = 0;
        for (; b + 16 <= blocks; b += 16) store(tile_scales + b, to_float(load(scale_codes + b)));
        for (; b < blocks; ++b) tile_scales[b] = static_cast<float>(scale_codes[b]);
        const std::int8_t* bytes = width == 4 ? nullptr : unpack_tile(unpack, from, count, n - first, unpacked);
        for (std::ptrdiff_t i = 0; i < count; i += block) {
            // Code times scale is exact in float32. A scale of 0 may not make a −0.
            const f32 scale = splat(tile_scales[i / block]);
            if (width == 4) {
                const f32 scaled = multiply(opaque(fused(table, scale, none)), gammas);
                put(x + first + i, lookup(scaled, load_nibbles(from + i / 2)), bypass);
            } else {
                const f32 values = opaque(fused(to_float(load(bytes + i)), scale, none));
                put(x + first + i, multiply(values, gammas), bypass);
            }
        }
    }
    scalar::dequantize_vsq(codes + whole / 8 * width, scales + whole / block / 8 * scale_width, n - whole, gamma,
                           format, x + whole);
}

}  // namespace lowbit::detail::LOWBIT_LANES
