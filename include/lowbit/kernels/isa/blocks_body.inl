// SPDX-License-Identifier: Apache-2.0
// What the block formats share: the largest magnitude of each block. See quantize_body.inl for how this file is
// included.

namespace lowbit::detail::LOWBIT_LANES {

/// Values that are worked on at a time: maxima, scales and codes are separate loops over them.
inline constexpr std::ptrdiff_t block_tile = 1024;

/// Asks for the 64 values that come so much later: while codes are computed memory would rest, and the next tile's
/// maxima would wait for it.
LOWBIT_ALWAYS_INLINE void prefetch(const float* x, std::ptrdiff_t distance = 2 * block_tile) {
    __builtin_prefetch(x + distance);
    __builtin_prefetch(x + distance + 16);
    __builtin_prefetch(x + distance + 32);
    __builtin_prefetch(x + distance + 48);
}

/// The distance where two loops of a caller's go over 4096 values after each other: the first must find them there.
inline constexpr std::ptrdiff_t beyond_callers_tile = 4096 + block_tile;

/// Whether a block's largest magnitude is one for the scalar code: NaN and infinity, where scales or scaled values
/// could be subnormal, and where minifloat_lanes would overflow (it raises exponents by up to 22). The vector code
/// computes something else for such blocks, which is then overwritten.
inline constexpr std::int32_t usual_least = 40, usual_greatest = 230;  // biased exponents
LOWBIT_ALWAYS_INLINE bool is_unusual(std::uint32_t amax) {
    const auto exponent = static_cast<std::int32_t>(amax >> 23);
    return amax != 0 && (exponent < usual_least || exponent > usual_greatest);
}
/// Whether any of sixteen is.
__attribute__((LOWBIT_TARGET, always_inline)) inline bool any_unusual(i32 amax) {
    const mask small = both(greater(splat(usual_least << 23), amax), greater(amax, splat(0)));
    return any(either(small, greater(amax, splat((usual_greatest << 23) + 0x7fffff))));
}

/// Which maximum: of |x|, of x where it is positive, of −x where that is.
enum class extreme { absolute, positive, negative };

/// The largest of each lane over a block, as bits. Where no x has the sign asked for, anything that is negative.
template <int Block, extreme Which>
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 lane_maxima(const float* x) {
    if constexpr (Block > 16) {
        return max(lane_maxima<Block / 2, Which>(x), lane_maxima<Block / 2, Which>(x + Block / 2));
    } else if constexpr (Which == extreme::absolute) {
        return bit_and(load_bits(x), splat(INT32_MAX));
    } else if constexpr (Which == extreme::negative) {
        return bit_xor(load_bits(x), splat(INT32_MIN));
    } else {
        return load_bits(x);
    }
}

template <int Block, extreme Which>
__attribute__((LOWBIT_TARGET, always_inline)) inline quarters four_maxima(const float* x) {
    return quarter_maxima(lane_maxima<Block, Which>(x), lane_maxima<Block, Which>(x + Block),
                          lane_maxima<Block, Which>(x + 2 * Block), lane_maxima<Block, Which>(x + 3 * Block));
}

/// The same of each of sixteen blocks.
template <int Block, extreme Which>
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 sixteen_maxima(const float* x) {
    return fold_quarters(four_maxima<Block, Which>(x), four_maxima<Block, Which>(x + 4 * Block),
                         four_maxima<Block, Which>(x + 8 * Block), four_maxima<Block, Which>(x + 12 * Block));
}

/// The same of each block. NaN and infinity are larger than all numbers. `amax` has room for a multiple of sixteen.
template <int Block, extreme Which = extreme::absolute>
__attribute__((LOWBIT_TARGET)) inline void block_maxima(const float* x, std::ptrdiff_t blocks, std::uint32_t* amax) {
    std::ptrdiff_t b = 0;
    for (; b + 16 <= blocks; b += 16) store(amax + b, sixteen_maxima<Block, Which>(x + b * Block));
    if (b < blocks) {
        float rest[16 * Block] = {};
        __builtin_memcpy(rest, x + b * Block, static_cast<std::size_t>((blocks - b) * Block) * sizeof(float));
        store(amax + b, sixteen_maxima<Block, Which>(rest));
    }
}

/// The importance of a tensor's values from the n-th on, or null.
inline const float* weights_from(const float* p, std::ptrdiff_t n) { return p != nullptr ? p + n : nullptr; }

/// Where 64 codes at a time, one a byte and no larger than their width, go into a packed stream that ends somewhere.
class code_output {
public:
    __attribute__((LOWBIT_TARGET, always_inline)) code_output(int bits, std::uint8_t* end, bool bypass)
        : pack_(bits < 8 ? bits : 4), bits_(bits), end_(end), bypass_(bypass) {}

    __attribute__((LOWBIT_TARGET, always_inline)) void put(std::uint8_t* p, i32 codes) const {
        if (bits_ == 8) {
            bypass_ ? stream_bytes(p, codes) : store_bytes(p, codes);
        } else if (bits_ == 4) {
            const __m256i bytes = low_bytes(add_byte_pairs(codes, splat_words(0x1001)));
            bypass_ ? _mm256_stream_si256((__m256i*)p, bytes) : _mm256_storeu_si256((__m256i*)p, bytes);
        } else if (end_ - p >= 8 * bits_ + 16) {
            pack_(codes, p);
        } else {
            std::uint8_t bytes[8 * 7 + 16];
            pack_(codes, bytes);
            __builtin_memcpy(p, bytes, static_cast<std::size_t>(8 * bits_));
        }
    }

private:
    packer pack_;
    int bits_;
    std::uint8_t* end_;
    bool bypass_;
};

/// Sixteen values, into the cache or past it.
__attribute__((LOWBIT_TARGET, always_inline)) inline void put(float* x, f32 values, bool bypass) {
    bypass ? stream(x, values) : store(x, values);
}

/// Sixteen |x| rounded to E4M3, E2M1, …, in units in which `normal` is the smallest normal number (a power of two).
/// |x| has its exponent e, at least that of `normal`; |x| + 2^(e + 23 − M) has it in units of 2^(e − M), rounded, in
/// its low bits, and e above them.
template <class Element>
struct minifloat_lanes {
    static constexpr int m = Element::mantissa_bits;
    static constexpr std::int32_t one = (Element::min_exponent + 127) << 23;  ///< `normal` in units of 1

    __attribute__((LOWBIT_TARGET, always_inline)) explicit minifloat_lanes(i32 x, i32 normal = splat(one)) {
        power = as_float(max(bit_and(x, splat(0x7f800000)), normal));
        sum = fused(power, splat(raise), as_float(bit_and(x, splat(INT32_MAX))));
    }
    /// (code + bias) · 2^(7 − M), not saturated: the exponent, which is in the upper word, times 2^7, and units of
    /// 2^(e − M), which fit in the lower one.
    __attribute__((LOWBIT_TARGET, always_inline)) i32 biased() const {
        return add_word_pairs(bits(sum), splat(1 << 16 | 1 << (7 - m)));
    }
    /// bias · 2^(7 − M) for this `normal`, in each word.
    __attribute__((LOWBIT_TARGET, always_inline)) static i32 bias(i32 normal) {
        return add_words(bit_or(normal, shift_right<16>(normal)), splat_words((23 - m) << 7));
    }
    /// Codes in units of 1, not saturated.
    __attribute__((LOWBIT_TARGET, always_inline)) i32 codes() const {
        return shift_right<7 - m>(subtract(biased(), splat(((one >> 23) + 23 - m) << 7)));
    }
    /// The number nearest to |x|, not saturated.
    __attribute__((LOWBIT_TARGET, always_inline)) f32 rounded() const {
        return fused(power, splat(-raise), opaque(sum));
    }

    f32 power, sum;

private:
    static constexpr float raise = static_cast<float>(1 << (23 - m));
};

/// Codes of 32 magnitudes as words in the order of `pack_words`, not saturated, from `biased` and `bias`.
template <class Element>
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 minifloat_words(const minifloat_lanes<Element>& a,
                                                                         const minifloat_lanes<Element>& b, i32 bias) {
    return shift_right_words<7 - Element::mantissa_bits>(subtract_words(pack_words(a.biased(), b.biased()), bias));
}

/// The codes of 64 values, one a byte: magnitudes, which are words in the order of `pack_words`, saturated, and the
/// signs of x in the bit above them.
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 signed_codes(i32 low, i32 high, int magnitude_bits,
                                                                      int greatest, const float* x) {
    const i32 magnitudes = min_bytes(pack_halves(low, high, std::uint8_t{}), splat_bytes(greatest));
    // Saturated to 16 and to 8 bits, floats keep their signs.
    const i32 first = pack_words(load_bits(x), load_bits(x + 16));
    const i32 second = pack_words(load_bits(x + 32), load_bits(x + 48));
    i32 signs = bit_and(pack_halves(first, second, std::int8_t{}), splat_bytes(0x80));
    if (magnitude_bits < 7) signs = shift_right_words(signs, 7 - magnitude_bits);
    return in_order(bit_or(magnitudes, signs));
}

}  // namespace lowbit::detail::LOWBIT_LANES
