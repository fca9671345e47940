// SPDX-License-Identifier: Apache-2.0
// The operations of gemm_body.inl on 256 bits, all but `quad` and `dot`.

using vec = __m256i;
inline constexpr int lanes = 8, registers = 16;

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store(void* p, vec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat(std::int32_t x) { return _mm256_set1_epi32(x); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat_byte(std::uint8_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec add(vec a, vec b) { return _mm256_add_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec multiply_low(vec a, vec b) { return _mm256_mullo_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec shift_left(vec a, vec b) { return _mm256_sllv_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec odd_lanes(vec a) { return _mm256_srli_epi64(a, 32); }

/// To [−bound − 1, bound].
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec clamp_both(vec a, vec bound) {
    return _mm256_min_epi32(_mm256_max_epi32(a, _mm256_andnot_si256(bound, _mm256_set1_epi32(-1))), bound);
}

/// (high32(acc·m0) + base) >> right: the product of the even lanes, of the odd lanes, the high halves merged.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec rescale(vec acc, vec m0, vec m0_odd, vec base, vec right) {
    const vec even = _mm256_mul_epi32(acc, m0);
    const vec odd = _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), m0_odd);
    const vec high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    return _mm256_srav_epi32(_mm256_add_epi32(high, base), right);
}

/// TensorFlow Lite's two roundings: (acc·m0 + 2^30) >> 31, then >> right with halves away from zero.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec rescale_twice(vec acc, vec m0, vec m0_odd, vec right) {
    const vec half = _mm256_set1_epi64x(1 << 30);
    const vec even = _mm256_add_epi64(_mm256_mul_epi32(acc, m0), half);
    const vec odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(acc, 32), m0_odd), half);
    const vec high = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
    const vec one = _mm256_set1_epi32(1);
    const vec mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const vec threshold = _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
    const vec up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold);
    return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec scale_float(vec acc, const float* scale) {
    return _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(scale)));
}

/// The first `count` lanes (all, where there are fewer).
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store_words(vec v, void* y, int count) {
    if (count >= lanes) return store(y, v);
    const vec order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_epi32(static_cast<int*>(y), _mm256_cmpgt_epi32(splat(count), order), v);
}

LOWBIT_TARGET inline std::int32_t sum_bytes(const std::uint8_t* x, std::ptrdiff_t count, std::uint8_t flip) {
    const vec flips = splat_byte(flip);
    vec sums = _mm256_setzero_si256();
    for (; count >= 32; count -= 32, x += 32)
        sums = _mm256_add_epi64(sums, _mm256_sad_epu8(_mm256_xor_si256(load(x), flips), _mm256_setzero_si256()));
    alignas(32) std::int64_t parts[4];
    store(parts, sums);
    std::int64_t sum = parts[0] + parts[1] + parts[2] + parts[3];
    for (; count > 0; --count, ++x) sum += *x ^ flip;
    return static_cast<std::int32_t>(sum);
}

/// Four registers to bytes, saturated to int16 and to uint8, in the order that packing within 128 bits gives.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec saturate(const vec (&v)[4]) {
    return _mm256_packus_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
}

/// Writes rows of codes: saturates to int16 and to uint8, that is from the lowest code on, then to the highest code.
template <int Registers>
class code_writer {
public:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE code_writer(const panel_constants<Registers * lanes>& constants, int columns)
        : lowest_(bytes(constants.lowest)), span_(bytes(constants.span)), columns_(columns) {}

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(const vec (&row)[Registers], std::uint8_t* y) const {
        const vec words = _mm256_packs_epi32(row[0], row[Registers - 1]);
        __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
        if constexpr (Registers == 1) low = high = _mm_unpacklo_epi64(low, high);
        const __m128i codes = _mm_add_epi8(_mm_min_epu8(_mm_packus_epi16(low, high), span_), lowest_);
        if (columns_ == Registers * lanes) {
            if constexpr (Registers == 2)
                _mm_storeu_si128(reinterpret_cast<__m128i*>(y), codes);
            else
                _mm_storel_epi64(reinterpret_cast<__m128i*>(y), codes);
        } else {
            alignas(16) std::uint8_t all[16];
            _mm_store_si128(reinterpret_cast<__m128i*>(all), codes);
            std::memcpy(y, all, static_cast<std::size_t>(columns_));
        }
    }

private:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE static __m128i bytes(const std::uint8_t* p) {
        if constexpr (Registers == 2)
            return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        else
            return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    }

    __m128i lowest_, span_;
    int columns_;
};

template <>
class code_writer<4> {
public:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE code_writer(const panel_constants<32>& constants, int columns)
        : lowest_(load(constants.lowest)), span_(load(constants.span)), columns_(columns) {}

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(vec saturated, std::uint8_t* y) const {
        if (columns_ >= 32) return store(y, codes(saturated));
        alignas(32) std::uint8_t all[32];
        store(all, codes(saturated));
        std::memcpy(y, all, static_cast<std::size_t>(columns_));
    }
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(const vec (&row)[4], std::uint8_t* y) const {
        write(saturate(row), y);
    }
    /// 16 channels of two places, from the halves; none where there is no place.
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write_halves(const vec (&row)[4], std::uint8_t* low,
                                                         std::uint8_t* high) const {
        alignas(32) std::uint8_t all[32];
        store(all, codes(saturate(row)));
        std::memcpy(low, all, static_cast<std::size_t>(columns_));
        if (high != nullptr) std::memcpy(high, all + 16, static_cast<std::size_t>(columns_));
    }

private:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec codes(vec saturated) const {
        return _mm256_add_epi8(_mm256_min_epu8(saturated, span_), lowest_);
    }

    vec lowest_, span_;
    int columns_;
};

// For depthwise convolutions: bytes of four rows side by side.

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave8_low(vec a, vec b) { return _mm256_unpacklo_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave8_high(vec a, vec b) { return _mm256_unpackhi_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave16_low(vec a, vec b) { return _mm256_unpacklo_epi16(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave16_high(vec a, vec b) { return _mm256_unpackhi_epi16(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec move_byte_up(vec a) { return _mm256_slli_epi32(a, 8); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec flip_bits(vec a, vec b) { return _mm256_xor_si256(a, b); }

/// The first `count` bytes of a register (or of each half): made once, outside the loops.
struct byte_mask {
    int count;

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE explicit byte_mask(int bytes) : count(bytes) {}
};

/// The bytes of the mask, zeros for the others.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_bytes(const std::uint8_t* p, const byte_mask& mask) {
    if (mask.count >= 32) return load(p);
    alignas(32) std::uint8_t some[32] = {};
    std::memcpy(some, p, static_cast<std::size_t>(mask.count));
    return load(some);
}

/// 16 bytes of two places, in the two halves.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_halves(const std::uint8_t* low, const std::uint8_t* high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
                                   _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

/// The bytes of the mask (at most 16) of two places, in the two halves.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_halves(const std::uint8_t* low, const std::uint8_t* high,
                                                   const byte_mask& mask) {
    alignas(32) std::uint8_t some[32] = {};
    std::memcpy(some, low, static_cast<std::size_t>(mask.count));
    std::memcpy(some + 16, high, static_cast<std::size_t>(mask.count));
    return load(some);
}

// For elementwise operations and pooling.

/// `lanes` bytes as uint8, each in a lane.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec widen(const std::uint8_t* p, std::uint8_t flip) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepu8_epi32(_mm_xor_si128(bytes, _mm_set1_epi8(static_cast<char>(flip))));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec subtract(vec a, vec b) { return _mm256_sub_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec max_u8(vec a, vec b) { return _mm256_max_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec min_u8(vec a, vec b) { return _mm256_min_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store_bytes(std::uint8_t* p, vec v, const byte_mask& mask) {
    if (mask.count >= 32) return store(p, v);
    alignas(32) std::uint8_t all[32];
    store(all, v);
    std::memcpy(p, all, static_cast<std::size_t>(mask.count));
}

/// Sixteen bytes, in each 128 bits; and looking up in them: 0 where the index has its highest bit set.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec repeat_16(const std::uint8_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec look_up(vec table, vec index) { return _mm256_shuffle_epi8(table, index); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec add_u8(vec a, vec b) { return _mm256_adds_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec subtract_bytes(vec a, vec b) { return _mm256_sub_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec either(vec a, vec b) { return _mm256_or_si256(a, b); }

/// The bytes that packing within 128 bits made of four registers, in order.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec in_order(vec packed) {
    return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/// Four registers, in order, to bytes: saturated to int16, the zero point added, saturated to int8.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec narrow(const vec (&v)[4], vec zero16) {
    const vec low = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), zero16);
    const vec high = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), zero16);
    return in_order(_mm256_packs_epi16(low, high));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat_word(std::int32_t x) { return _mm256_set1_epi16(static_cast<short>(x)); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec clamp_s8(vec v, vec lowest, vec highest) {
    return _mm256_min_epi8(_mm256_max_epi8(v, lowest), highest);
}

/// The high halves of the unsigned products with m, which fits 32 bits.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec multiply_high(vec a, vec m) {
    const vec even = _mm256_mul_epu32(a, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), m);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

/// (a·m_a·2^up_a + b·m_b·2^up_b + half) >> n of the even or, moved down, the odd lanes, in 64 bits. 2^62 is added and,
/// shifted, taken off again, so that the shift may be unsigned.
struct sum_constants {
    vec a, b, added, taken;
    __m128i up_a, up_b, right;

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE sum_constants(std::int64_t m_a, std::int64_t m_b, int a_up, int b_up, int n)
        : a(_mm256_set1_epi64x(m_a)),
          b(_mm256_set1_epi64x(m_b)),
          added(_mm256_set1_epi64x((std::int64_t{1} << 62) + (std::int64_t{1} << (n - 1)))),
          taken(_mm256_set1_epi64x((std::int64_t{1} << 62) >> n)),
          up_a(_mm_cvtsi32_si128(a_up)),
          up_b(_mm_cvtsi32_si128(b_up)),
          right(_mm_cvtsi32_si128(n)) {}
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec half(vec x, vec y) const {
        const vec sum = _mm256_add_epi64(_mm256_sll_epi64(_mm256_mul_epi32(x, a), up_a),
                                         _mm256_sll_epi64(_mm256_mul_epi32(y, b), up_b));
        return _mm256_sub_epi64(_mm256_srl_epi64(_mm256_add_epi64(sum, added), right), taken);
    }
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec operator()(vec x, vec y) const {
        const vec odd = half(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
        return _mm256_blend_epi32(half(x, y), _mm256_slli_epi64(odd, 32), 0xaa);
    }
};
