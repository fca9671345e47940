// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_microexponent.hpp for blocks of 16, pairs of 2 or none, at most 7 mantissa bits and ties
// to even. See quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

/// Exponents of sixteen blocks in bytes and in place, and 2^(m − 1 − E), twice that behind; whether any is unusual. For
/// a block of zeros any number will do.
__attribute__((LOWBIT_TARGET, always_inline)) inline bool microexponent_scales(i32 amax, int m, std::uint8_t* exponents,
                                                                               std::uint32_t* firsts,
                                                                               std::uint32_t* inverses) {
    const i32 first = bit_and(amax, splat(0x7f800000));
    narrow(exponents, shift_right<23>(first));
    store(firsts, first);
    const i32 one = splat(static_cast<std::int32_t>(static_cast<std::uint32_t>(253 + m) << 23));
    store(inverses, subtract(one, max(first, splat(usual_least << 23))));
    return any_unusual(amax);
}

/// The magnitudes of a block, as lanes, not saturated; `shifts` gets the bits of its pairs. A pair that is shifted has
/// a smaller exponent, and twice the inverse.
template <bool Paired>
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 microexponent_magnitudes(i32 x, std::uint32_t exponent,
                                                                                  std::uint32_t inverse,
                                                                                  std::uint8_t* shifts) {
    const i32 magnitude = bit_and(x, splat(INT32_MAX));
    f32 inverses = as_float(splat_bits(inverse));
    if constexpr (Paired) {
        const pair_mask shifted = pairs_below(magnitude, splat_bits(exponent));
        *shifts = pair_bits(shifted);
        inverses = select_pairs(shifted, as_float(add(bits(inverses), splat(1 << 23))), inverses);
    }
    return round_even(multiply(as_float(magnitude), inverses));
}

template <bool Paired>
__attribute__((LOWBIT_TARGET)) void quantize_microexponent(const float* x, std::ptrdiff_t n,
                                                           const microexponent_format& format, std::uint8_t* codes,
                                                           std::uint8_t* exponents, std::uint8_t* shifts, caching how) {
    constexpr std::ptrdiff_t block = 16, tile_blocks = block_tile / block;
    const int m = format.mantissa_bits, width = 1 + m;
    std::uint32_t amax[tile_blocks], firsts[tile_blocks], inverses[tile_blocks];
    std::uint8_t tile_exponents[tile_blocks];
    const std::ptrdiff_t whole = n / (4 * block) * (4 * block);
    const code_output output(width, codes + whole / 8 * width, bypasses(how, codes));
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const float* values = x + first;
        std::uint8_t* out = codes + first / 8 * width;
        block_maxima<block>(values, blocks, amax);
        bool unusual = false;
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            unusual |= microexponent_scales(load(amax + b), m, tile_exponents + b, firsts + b, inverses + b);
        }
        __builtin_memcpy(exponents + first / block, tile_exponents, static_cast<std::size_t>(blocks));
        for (std::ptrdiff_t i = 0; i < count; i += 4 * block) {
            prefetch(values + i);
            const std::uint32_t *e = firsts + i / block, *inverse = inverses + i / block;
            const auto bits = [&](int b) { return Paired ? shifts + (first + i) / block + b : nullptr; };
            const auto words = [&](int b) __attribute__((LOWBIT_TARGET, always_inline)) {
                const float* const from = values + i + b * block;
                return pack_words(
                    microexponent_magnitudes<Paired>(load_bits(from), e[b], inverse[b], bits(b)),
                    microexponent_magnitudes<Paired>(load_bits(from + 16), e[b + 1], inverse[b + 1], bits(b + 1)));
            };
            output.put(out + i / 8 * width, signed_codes(words(0), words(2), m, (1 << m) - 1, values + i));
        }
        for (std::ptrdiff_t b = 0; unusual && b < blocks; ++b) {
            if (is_unusual(amax[b])) {
                scalar::quantize_microexponent(values + b * block, block, format, out + b * 2 * width,
                                               exponents + first / block + b,
                                               Paired ? shifts + first / block + b : nullptr);
            }
        }
    }
    scalar::quantize_microexponent(x + whole, n - whole, format, codes + whole / 8 * width, exponents + whole / block,
                                   Paired ? shifts + whole / block : nullptr);
}

template <bool Paired>
__attribute__((LOWBIT_TARGET)) void dequantize_microexponent(const std::uint8_t* codes, const std::uint8_t* exponents,
                                                             const std::uint8_t* shifts, std::ptrdiff_t n,
                                                             const microexponent_format& format, float* x,
                                                             caching how) {
    constexpr std::ptrdiff_t block = 16, tile_blocks = block_tile / block;
    const int m = format.mantissa_bits, width = 1 + m;
    const bool bypass = bypasses(how, x);
    // A sign and m bits of magnitude, as float16: a subnormal number, magnitude · 2^−24.
    constexpr std::int32_t greatest = 229;  // of the exponents: 25 − m is added to them
    const __m256i used = _mm256_set1_epi16(static_cast<std::int16_t>(0x8000 | ((1 << m) - 1)));
    const f32 none = opaque(splat(0.0f));
    std::int8_t unpacked[block_tile];
    std::uint8_t tile_exponents[tile_blocks];
    float factors[tile_blocks], halves[tile_blocks];
    const unpacker unpack(width);
    const std::ptrdiff_t whole = n / block * block;
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const std::uint8_t *from = codes + first / 8 * width, *block_exponents = exponents + first / block;
        const auto* bytes =
            reinterpret_cast<const std::uint8_t*>(unpack_tile(unpack, from, count, n - first, unpacked));
        __builtin_memset(tile_exponents, usual_least, sizeof tile_exponents);
        __builtin_memcpy(tile_exponents, block_exponents, static_cast<std::size_t>(blocks));
        bool unusual = false;
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            const i32 exponent = load(tile_exponents + b), factor = add(exponent, splat(25 - m));
            store(factors + b, as_float(shift_left<23>(factor)));
            store(halves + b, as_float(shift_left<23>(subtract(factor, splat(1)))));
            unusual |= any(either(greater(splat(usual_least), exponent), greater(exponent, splat(greatest))));
        }
        for (std::ptrdiff_t i = 0; i < count; i += block) {
            const std::ptrdiff_t b = i / block;
            f32 values = halves_to_float(_mm256_and_si256(load_halves(bytes + i), used));
            if constexpr (Paired) {
                values =
                    multiply(values, select_pairs(shifts + first / block + b, splat(halves[b]), splat(factors[b])));
            } else {
                values = fused(values, splat(factors[b]), none);  // no −0
            }
            put(x + first + i, values, bypass);
        }
        for (std::ptrdiff_t b = 0; unusual && b < blocks; ++b) {
            if (block_exponents[b] >= usual_least && block_exponents[b] <= greatest) continue;
            const std::uint8_t* block_shifts = Paired ? shifts + first / block + b : nullptr;
            scalar::dequantize_microexponent(from + b * 2 * width, block_exponents + b, block_shifts, block, format,
                                             x + first + b * block);
        }
    }
    scalar::dequantize_microexponent(codes + whole / 8 * width, exponents + whole / block,
                                     Paired ? shifts + whole / block : nullptr, n - whole, format, x + whole);
}

}  // namespace lowbit::detail::LOWBIT_LANES
