// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/block_mx.hpp for the rule `floor` and ties to even. See quantize_body.inl for how this file is
// included.

namespace lowbit::detail::LOWBIT_LANES {

/// Scale bytes that the loops here handle.
inline constexpr int mx_least_scale = 20, mx_greatest_scale = 230;

/// What the codes of blocks with given scale bytes are computed with.
template <class Element>
struct mx_units {
    static constexpr std::ptrdiff_t tile_blocks = block_tile / mx_format::block;

    /// Of sixteen blocks.
    __attribute__((LOWBIT_TARGET, always_inline)) void set(std::ptrdiff_t block, const std::uint8_t* scales) {
        // A block of zeros may have any normal number.
        const i32 exponent = max(add(load(scales + block), splat(Element::min_exponent)), splat(1));
        const i32 normal = shift_left<23>(exponent);
        store(normals + block, normal);
        store(biases + block, minifloat_lanes<Element>::bias(normal));
    }
    /// The codes of two blocks from this one on, one a byte.
    __attribute__((LOWBIT_TARGET, always_inline)) i32 codes(std::ptrdiff_t block, const float* x) const {
        const auto words = [&](std::ptrdiff_t k, const float* p) __attribute__((LOWBIT_TARGET, always_inline)) {
            const i32 normal = splat_bits(normals[k]);
            return minifloat_words(minifloat_lanes<Element>(load_bits(p), normal),
                                   minifloat_lanes<Element>(load_bits(p + 16), normal), splat_bits(biases[k]));
        };
        return signed_codes(words(block, x), words(block + 1, x + 32), Element::bits - 1, Element::max_code, x);
    }

    std::uint32_t normals[tile_blocks], biases[tile_blocks];
};

/// 2^Exponent/X of sixteen scale bytes. Of a block of zeros it is of no consequence.
template <int Exponent>
__attribute__((LOWBIT_TARGET, always_inline)) inline void mx_inverses(const std::uint8_t* scales, float* inverses) {
    store(inverses, as_float(shift_left<23>(subtract(splat(254 + Exponent), load(scales)))));
}

/// Codes are multiples of X·2^−6.
template <>
struct mx_units<mx_int8> {
    __attribute__((LOWBIT_TARGET, always_inline)) void set(std::ptrdiff_t block, const std::uint8_t* scales) {
        mx_inverses<6>(scales + block, inverses + block);
    }
    __attribute__((LOWBIT_TARGET, always_inline)) i32 codes(std::ptrdiff_t block, const float* x) const {
        const auto words = [&](const float* p, float inverse) __attribute__((LOWBIT_TARGET, always_inline)) {
            return pack_words(round_even(multiply(load(p), splat(inverse))),
                              round_even(multiply(load(p + 16), splat(inverse))));
        };
        const i32 a = words(x, inverses[block]), b = words(x + 32, inverses[block + 1]);
        return clamp_codes(pack_codes(a, b, std::int8_t{}), splat_bytes(-127), splat_bytes(127), std::int8_t{});
    }

    float inverses[block_tile / mx_format::block];
};

/// Scale bytes of sixteen blocks; whether any block is one for the scalar code.
template <class Element>
__attribute__((LOWBIT_TARGET, always_inline)) inline bool mx_scales(const std::uint32_t* amax, std::uint8_t* scales) {
    const i32 largest = load(amax), exponent = shift_right<23>(largest);
    narrow(scales, max(subtract(exponent, splat(Element::max_exponent)), splat(0)));
    return any_unusual(largest);
}

/// The nearest element to y ≥ 0, as a value.
template <class Element>
class mx_levels {
public:
    __attribute__((LOWBIT_TARGET, always_inline)) f32 operator()(f32 y) const {
        if constexpr (std::is_same_v<Element, mx_int8>) {
            return multiply(min(nearest_integer(multiply(y, splat(64.0f))), splat(127.0f)), splat(0x1p-6f));
        } else {
            return minifloat_lanes<Element>(bits(min(y, splat(static_cast<float>(Element::max()))))).rounded();
        }
    }
};

/// Scale bytes of `floor` to those of least error, for up to sixteen blocks.
template <class Element>
__attribute__((LOWBIT_TARGET)) void mx_search(const float* x, const float* importance, std::ptrdiff_t blocks,
                                              std::uint8_t* scales) {
    constexpr std::ptrdiff_t block = mx_format::block;
    search_tile tile;
    tile.load_blocks(x, importance, blocks, block);
    const i32 floor = load(scales);
    const f32 inverse = as_float(shift_left<23>(subtract(splat(254), floor)));
    const auto find = [&](const auto& y) __attribute__((LOWBIT_TARGET, always_inline)) {
        const mx_levels<Element> level;
        code_search search(y, level, floor);
        search.attempt(subtract(floor, splat(1)), splat(2.0f), splat(0.5f));
        search.attempt(add(floor, splat(1)), splat(0.5f), splat(2.0f));
        return search.best();
    };
    narrow(scales, with_weights(tile.values, tile.weights(), block, inverse, splat(0.0f), find));
}

template <class Element>
__attribute__((LOWBIT_TARGET)) void quantize_mx(const float* x, std::ptrdiff_t n, const mx_format& format,
                                                const float* importance, std::uint8_t* codes, std::uint8_t* scales,
                                                caching how) {
    constexpr std::ptrdiff_t block = mx_format::block, tile_blocks = block_tile / block, width = Element::bits;
    std::uint32_t amax[tile_blocks];
    mx_units<Element> units;
    std::uint8_t tile_scales[tile_blocks];
    const std::ptrdiff_t whole = n / (2 * block) * (2 * block);
    const code_output output(width, codes + whole / 8 * width, bypasses(how, codes));
    for (std::ptrdiff_t first = 0; first < whole; first += block_tile) {
        const std::ptrdiff_t count = whole - first < block_tile ? whole - first : block_tile, blocks = count / block;
        const float* values = x + first;
        const float* weights = weights_from(importance, first);
        block_maxima<block>(values, blocks, amax);
        bool unusual = false;
        for (std::ptrdiff_t b = 0; b < blocks; b += 16) {
            unusual |= mx_scales<Element>(amax + b, tile_scales + b);
            if (format.scale == mx_scale::mse) {
                const std::ptrdiff_t some = blocks - b < lane_count ? blocks - b : lane_count;
                mx_search<Element>(values + b * block, weights_from(weights, b * block), some, tile_scales + b);
            }
            units.set(b, tile_scales);
        }
        __builtin_memcpy(scales + first / block, tile_scales, static_cast<std::size_t>(blocks));
        std::uint8_t* out = codes + first / 8 * width;
        for (std::ptrdiff_t i = 0; i < count; i += 2 * block) {
            prefetch(values + i);
            output.put(out + i / 8 * width, units.codes(i / block, values + i));
        }
        for (std::ptrdiff_t b = 0; unusual && b < blocks; ++b) {
            if (is_unusual(amax[b])) {
                scalar::quantize_mx(values + b * block, block, format, weights_from(weights, b * block),
                                    out + b * block / 8 * width, scales + first / block + b);
            }
        }
    }
    scalar::quantize_mx(x + whole, n - whole, format, weights_from(importance, whole), codes + whole / 8 * width,
                        scales + whole / block);
}

/// Whether a code of the 32 is beyond the numbers: infinity or NaN.
template <class Element>
__attribute__((LOWBIT_TARGET, always_inline)) inline bool any_special(const std::uint8_t* codes) {
    const __m256i magnitudes = _mm256_and_si256(_mm256_loadu_si256((const __m256i*)codes), _mm256_set1_epi8(0x7f));
    return _mm256_movemask_epi8(_mm256_cmpgt_epi8(magnitudes, _mm256_set1_epi8(Element::max_code))) != 0;
}

/// Sixteen codes, one a byte, sign-extended, as float16, which normalizes their subnormals: their values but for
/// 2^(bias − 15).
template <class Element>
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 minifloat_values(const std::uint8_t* codes) {
    constexpr int shift = 10 - Element::mantissa_bits;
    constexpr int used = 0x8000 | ((1 << (Element::bits - 1)) - 1) << shift;
    return halves_to_float(_mm256_and_si256(_mm256_slli_epi16(load_halves(codes), shift),
                                            _mm256_set1_epi16(static_cast<std::int16_t>(used))));
}

/// Sixteen codes to values; −0 becomes 0.
template <class Element>
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 mx_values(const std::uint8_t* codes, f32 factor) {
    if constexpr (std::is_same_v<Element, mx_int8>) {
        return multiply(to_float(load(reinterpret_cast<const std::int8_t*>(codes))), factor);
    } else {
        return fused(minifloat_values<Element>(codes), factor, opaque(splat(0.0f)));
    }
}

template <class Element, bool Stream>
__attribute__((LOWBIT_TARGET)) void dequantize_mx(const std::uint8_t* codes, const std::uint8_t* scales,
                                                  std::ptrdiff_t n, float* x) {
    constexpr std::ptrdiff_t block = mx_format::block, width = Element::bits;
    constexpr bool integer = std::is_same_v<Element, mx_int8>;
    // 2^0 in units of a code's value: of 2^−6, or of float16's exponent.
    int one = 127 - 6;
    f32 table{};
    if constexpr (width == 4) {
        float levels[16];
        for (unsigned code = 0; code < 16; ++code)
            levels[code] = static_cast<float>(Element::from_bits(code & (code == 8 ? 0 : 15)));
        table = opaque(load(levels));  // or -ffast-math takes one half for the negative of the other, −0 and all
        one = 127;
    } else if constexpr (!integer) {
        one = 127 + 15 - Element::bias;
    }
    std::uint8_t unpacked[block_tile];
    std::ptrdiff_t unpacked_until = 0;
    const unpacker unpack(width);
    const std::ptrdiff_t whole = n / block * block;
    for (std::ptrdiff_t i = 0; i < whole; i += block) {
        const std::uint8_t* from = codes + i / 8 * width;
        const int scale = scales[i / block];
        bool unusual = scale < mx_least_scale || scale > mx_greatest_scale;
        if constexpr (width == 8 && !integer) unusual |= any_special<Element>(from);
        if constexpr (width == 6) {
            if (i == unpacked_until) {
                const std::ptrdiff_t count = whole - i < block_tile ? whole - i : block_tile;
                auto* to = reinterpret_cast<std::int8_t*>(unpacked);
                unpack_tile(unpack, from, count, n - i, to);
                unpacked_until += block_tile;
            }
        }
        if (unusual) [[unlikely]] {
            scalar::dequantize_mx(from, scales + i / block, block, element_of<Element>, x + i);
            continue;
        }
        const f32 factor = as_float(splat((scale + one - 127) << 23));
        f32 first, second;
        if constexpr (width == 4) {
            const f32 levels = multiply(table, factor);
            first = lookup(levels, load_nibbles(from));
            second = lookup(levels, load_nibbles(from + 8));
        } else {
            const std::uint8_t* bytes = width == 6 ? unpacked + i % block_tile : from;
            first = mx_values<Element>(bytes, factor);
            second = mx_values<Element>(bytes + 16, factor);
        }
        if constexpr (Stream) {
            stream(x + i, first);
            stream(x + i + 16, second);
        } else {
            store(x + i, first);
            store(x + i + 16, second);
        }
    }
    scalar::dequantize_mx(codes + whole / 8 * width, scales + whole / block, n - whole, element_of<Element>, x + whole);
}

}  // namespace lowbit::detail::LOWBIT_LANES
