// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_nvfp4.hpp for blocks of 16. See quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

/// Tensor scales for which this code is exact: nothing that decides about a code overflows or is subnormal.
inline constexpr float nvfp4_least_scale = 0x1p-90f, nvfp4_greatest_scale = 0x1p110f;

/// Sixteen values of a block in units of its step. The product with the rounded reciprocal, corrected by its remainder
/// (Markstein 1990), lies on the same side of the numbers halfway between two codes as the rounded quotient: so found
/// for each of the 2^23 significands of a step.
__attribute__((LOWBIT_TARGET, always_inline)) inline minifloat_lanes<float4_e2m1> nvfp4_lanes(f32 x, float step,
                                                                                              float inverse) {
    const f32 product = opaque(multiply(x, splat(inverse)));
    const f32 remainder = minus_product(x, product, splat(step));
    return minifloat_lanes<float4_e2m1>(bits(fused(remainder, splat(inverse), product)));
}

/// The values of codes of numbers ≥ 0.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 e4m3_values(i32 codes) {
    const f32 subnormal = multiply(to_float(codes), splat(0x1p-9f));
    return select(greater(splat(8), codes), subnormal, as_float(add(shift_left<20>(codes), splat(120 << 23))));
}

/// The codes of scales and the steps of least error from those of the standard, for up to sixteen blocks.
__attribute__((LOWBIT_TARGET)) inline void nvfp4_search(const float* x, const float* importance, std::ptrdiff_t blocks,
                                                        float tensor_scale, std::uint8_t* scales, float* steps) {
    constexpr std::ptrdiff_t block = 16;
    constexpr auto highest = static_cast<std::int32_t>(float8_e4m3::max_code);
    search_tile tile;
    tile.load_blocks(x, importance, blocks, block);
    const i32 standard = load(scales);
    const f32 standard_value = e4m3_values(standard);
    const auto find = [&](const auto& y) __attribute__((LOWBIT_TARGET, always_inline)) {
        const mx_levels<float4_e2m1> level;
        code_search search(y, level, standard);
        for (int step = -4; step <= 5; ++step) {
            const i32 code = min(max(add(standard, splat(step)), splat(1)), splat(highest));
            const f32 value = e4m3_values(code);
            search.attempt(code, divide(standard_value, value), divide(value, standard_value));
        }
        return search.best();
    };
    const f32 inverse = divide(splat(1.0f), load(steps));
    const i32 best = with_weights(tile.values, tile.weights(), block, inverse, splat(0.0f), find);
    narrow(scales, best);
    store(steps, multiply(e4m3_values(best), splat(tensor_scale)));
}

__attribute__((LOWBIT_TARGET)) inline void quantize_nvfp4(const float* x, std::ptrdiff_t n, float tensor_scale,
                                                          bool search, const float* importance, std::uint8_t* codes,
                                                          std::uint8_t* scales, caching how) {
    constexpr std::ptrdiff_t block = 16, tile_blocks = block_tile / block;
    if (!(tensor_scale >= nvfp4_least_scale && tensor_scale <= nvfp4_greatest_scale)) [[unlikely]] {
        return scalar::quantize_nvfp4(x, n, tensor_scale, block, search, importance, codes, scales);
    }
    std::uint32_t amax[tile_blocks];
    float steps[tile_blocks], inverses[tile_blocks];
    std::uint8_t tile_scales[tile_blocks];
    const float six = lowbit::opaque(6.0f * tensor_scale);
    const f32 sixes = splat(six), tensor_scales = splat(tensor_scale);
    const i32 bias = minifloat_lanes<float4_e2m1>::bias(splat(minifloat_lanes<float4_e2m1>::one));
    const std::ptrdiff_t whole = n / (4 * block) * (4 * block);
    const code_output output(4, codes + whole / 2, bypasses(how, codes));
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const float* values = x + first;
        const float* weights = weights_from(importance, first);
        block_maxima<block>(values, blocks, amax);
        bool too_large = false;
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            const i32 wanted = bits(opaque(divide(as_float(load(amax + b)), sixes)));
            too_large = too_large || any(greater(wanted, splat(0x5d800000)));
            // Saturated before it is rounded: 448 is a number of the format.
            const minifloat_lanes<float8_e4m3> scale(min(wanted, splat(0x43e00000)));
            const i32 code = scale.codes();
            const mask zero = equal(code, splat(0));
            narrow(tile_scales + b, select(zero, splat(0x38), code));  // 1
            store(steps + b, multiply(opaque(select(zero, splat(1.0f), scale.rounded())), tensor_scales));
            if (search) {
                const std::ptrdiff_t some = blocks - b < lane_count ? blocks - b : lane_count;
                nvfp4_search(values + b * block, weights_from(weights, b * block), some, tensor_scale, tile_scales + b,
                             steps + b);
            }
            store(inverses + b, divide(splat(1.0f), load(steps + b)));
        }
        if (too_large) [[unlikely]] {  // 2^60 and more: the tensor's scale is that of other values
            scalar::quantize_nvfp4(values, count, tensor_scale, block, search, weights, codes + first / 2,
                                   scales + first / block);
            continue;
        }
        __builtin_memcpy(scales + first / block, tile_scales, static_cast<std::size_t>(blocks));
        for (std::ptrdiff_t i = 0; i < count; i += 4 * block) {
            prefetch(values + i);
            const float *step = steps + i / block, *inverse = inverses + i / block;
            const f32 a = load(values + i), b = load(values + i + 16);
            const f32 c = load(values + i + 32), d = load(values + i + 48);
            const i32 ab =
                minifloat_words(nvfp4_lanes(a, step[0], inverse[0]), nvfp4_lanes(b, step[1], inverse[1]), bias);
            const i32 cd =
                minifloat_words(nvfp4_lanes(c, step[2], inverse[2]), nvfp4_lanes(d, step[3], inverse[3]), bias);
            output.put(codes + (first + i) / 2, signed_codes(ab, cd, 3, float4_e2m1::max_code, values + i));
        }
    }
    scalar::quantize_nvfp4(x + whole, n - whole, tensor_scale, block, search, weights_from(importance, whole),
                           codes + whole / 2, scales + whole / block);
}

__attribute__((LOWBIT_TARGET)) inline void dequantize_nvfp4(const std::uint8_t* codes, const std::uint8_t* scales,
                                                            std::ptrdiff_t n, float tensor_scale, float* x,
                                                            caching how) {
    constexpr std::ptrdiff_t block = 16, together = 32 * block;
    float levels[16], steps[32];
    for (unsigned code = 0; code < 16; ++code) levels[code] = static_cast<float>(float4_e2m1::from_bits(code));
    const f32 table = load(levels), tensor_scales = splat(tensor_scale);
    const bool bypass = bypasses(how, x);
    const std::ptrdiff_t whole = n / together * together;
    for (std::ptrdiff_t first = 0; first < whole; first += together) {
        const std::uint8_t* block_scales = scales + first / block;
        if (any_special<float8_e4m3>(block_scales)) [[unlikely]] {
            scalar::dequantize_nvfp4(codes + first / 2, block_scales, together, tensor_scale, block, x + first);
            continue;
        }
        const f32 factor = splat(0x1p8f);  // the difference between float16's bias and E4M3's
        store(steps, multiply(opaque(multiply(minifloat_values<float8_e4m3>(block_scales), factor)), tensor_scales));
        store(steps + 16,
              multiply(opaque(multiply(minifloat_values<float8_e4m3>(block_scales + 16), factor)), tensor_scales));
        for (std::ptrdiff_t b = 0; b < 32; ++b) {
            const std::ptrdiff_t i = first + b * block;
            put(x + i, lookup(multiply(table, splat(steps[b])), load_nibbles(codes + i / 2)), bypass);
        }
    }
    scalar::dequantize_nvfp4(codes + whole / 2, scales + whole / block, n - whole, tensor_scale, block, x + whole);
}

}  // namespace lowbit::detail::LOWBIT_LANES
