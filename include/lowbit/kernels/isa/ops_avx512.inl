// SPDX-License-Identifier: Apache-2.0
// The operations of gemm_body.inl on 512 bits, all but `quad` and `dot`.

using vec = __m512i;
inline constexpr int lanes = 16, registers = 32;

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load(const void* p) { return _mm512_loadu_si512(p); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store(void* p, vec v) { _mm512_storeu_si512(p, v); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat(std::int32_t x) { return _mm512_set1_epi32(x); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat_byte(std::uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec add(vec a, vec b) { return _mm512_add_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec multiply_low(vec a, vec b) { return _mm512_mullo_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec shift_left(vec a, vec b) { return _mm512_sllv_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec odd_lanes(vec a) { return _mm512_srli_epi64(a, 32); }

/// To [−bound − 1, bound].
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec clamp_both(vec a, vec bound) {
    return _mm512_min_epi32(_mm512_max_epi32(a, _mm512_andnot_si512(bound, _mm512_set1_epi32(-1))), bound);
}

/// (high32(acc·m0) + base) >> right: the product of the even lanes, of the odd lanes, the high halves merged.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec rescale(vec acc, vec m0, vec m0_odd, vec base, vec right) {
    const vec even = _mm512_mul_epi32(acc, m0);
    const vec odd = _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), m0_odd);
    const vec high = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
    return _mm512_srav_epi32(_mm512_add_epi32(high, base), right);
}

/// TensorFlow Lite's two roundings: (acc·m0 + 2^30) >> 31, then >> right with halves away from zero.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec rescale_twice(vec acc, vec m0, vec m0_odd, vec right) {
    const vec half = _mm512_set1_epi64(1 << 30);
    const vec even = _mm512_add_epi64(_mm512_mul_epi32(acc, m0), half);
    const vec odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), m0_odd), half);
    const vec high = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xaaaa, _mm512_slli_epi64(odd, 1));
    const vec one = _mm512_set1_epi32(1);
    const vec mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
    const vec threshold = _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(high, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold);
    const vec shifted = _mm512_srav_epi32(high, right);
    return _mm512_mask_add_epi32(shifted, up, shifted, one);
}

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec scale_float(vec acc, const float* scale) {
    return _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(scale)));
}

/// The first `count` lanes (all, where there are fewer).
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store_words(vec v, void* y, int count) {
    const auto mask = static_cast<__mmask16>(count >= lanes ? 0xffff : count > 0 ? (1 << count) - 1 : 0);
    _mm512_mask_storeu_epi32(y, mask, v);
}

LOWBIT_TARGET inline std::int32_t sum_bytes(const std::uint8_t* x, std::ptrdiff_t count, std::uint8_t flip) {
    const vec flips = splat_byte(flip);
    vec sums = _mm512_setzero_si512();
    for (; count > 0; count -= 64, x += 64) {
        const __mmask64 mask = count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
        const vec bytes = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x), flips));
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
    }
    alignas(64) std::int64_t parts[8];
    store(parts, sums);
    std::int64_t sum = 0;
    for (const std::int64_t part : parts) sum += part;
    return static_cast<std::int32_t>(sum);
}

/// Four registers to bytes, saturated to int16 and to uint8, in the order that packing within 128 bits gives.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec saturate(const vec (&v)[4]) {
    return _mm512_packus_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
}

/// Writes rows of codes: saturates to int16 and to uint8, that is from the lowest code on, then to the highest code.
template <int Registers>
class code_writer;

template <>
class code_writer<4> {
public:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE code_writer(const panel_constants<64>& constants, int columns)
        : lowest_(load(constants.lowest)),
          span_(load(constants.span)),
          mask_(columns >= 64 ? ~__mmask64{0} : (__mmask64{1} << columns) - 1) {}

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(vec saturated, std::uint8_t* y) const {
        _mm512_mask_storeu_epi8(y, mask_, codes(saturated));
    }
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(const vec (&row)[4], std::uint8_t* y) const {
        write(saturate(row), y);
    }
    /// 32 channels of two places, from the halves; none where there is no place.
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write_halves(const vec (&row)[4], std::uint8_t* low,
                                                         std::uint8_t* high) const {
        const vec both = codes(saturate(row));
        _mm256_mask_storeu_epi8(low, static_cast<__mmask32>(mask_), _mm512_castsi512_si256(both));
        if (high != nullptr)
            _mm256_mask_storeu_epi8(high, static_cast<__mmask32>(mask_), _mm512_extracti64x4_epi64(both, 1));
    }

private:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec codes(vec saturated) const {
        return _mm512_add_epi8(_mm512_min_epu8(saturated, span_), lowest_);
    }

    vec lowest_, span_;
    __mmask64 mask_;
};

template <>
class code_writer<2> {
public:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE code_writer(const panel_constants<32>& constants, int columns)
        : lowest_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(constants.lowest))),
          span_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(constants.span))),
          mask_(columns >= 32 ? ~__mmask32{0} : (__mmask32{1} << columns) - 1) {}

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(const vec (&row)[2], std::uint8_t* y) const {
        const vec words = _mm512_max_epi16(_mm512_packs_epi32(row[0], row[1]), _mm512_setzero_si512());
        const __m256i codes = _mm256_add_epi8(_mm256_min_epu8(_mm512_cvtusepi16_epi8(words), span_), lowest_);
        _mm256_mask_storeu_epi8(y, mask_, codes);
    }

private:
    __m256i lowest_, span_;
    __mmask32 mask_;
};

template <>
class code_writer<1> {
public:
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE code_writer(const panel_constants<16>& constants, int columns)
        : lowest_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(constants.lowest))),
          span_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(constants.span))),
          mask_(static_cast<__mmask16>(columns >= 16 ? 0xffff : (1 << columns) - 1)) {}

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void write(const vec (&row)[1], std::uint8_t* y) const {
        const vec values = _mm512_max_epi32(row[0], _mm512_setzero_si512());
        const __m128i codes = _mm_add_epi8(_mm_min_epu8(_mm512_cvtusepi32_epi8(values), span_), lowest_);
        _mm_mask_storeu_epi8(y, mask_, codes);
    }

private:
    __m128i lowest_, span_;
    __mmask16 mask_;
};

// For depthwise convolutions: bytes of four rows side by side.

LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave8_low(vec a, vec b) { return _mm512_unpacklo_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave8_high(vec a, vec b) { return _mm512_unpackhi_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave16_low(vec a, vec b) { return _mm512_unpacklo_epi16(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec interleave16_high(vec a, vec b) { return _mm512_unpackhi_epi16(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec move_byte_up(vec a) { return _mm512_slli_epi32(a, 8); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec flip_bits(vec a, vec b) { return _mm512_xor_si512(a, b); }

/// The first `count` bytes of a register (or of each half): made once, outside the loops.
struct byte_mask {
    __mmask64 whole;
    __mmask32 half;

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE explicit byte_mask(int count)
        : whole(count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1),
          half(count >= 32 ? ~__mmask32{0} : (__mmask32{1} << count) - 1) {}
};

/// The bytes of the mask, zeros for the others.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_bytes(const std::uint8_t* p, const byte_mask& mask) {
    return _mm512_maskz_loadu_epi8(mask.whole, p);
}

/// 32 bytes of two places, in the two halves. (A masked broadcast from memory needs no shuffle, as an insert does.)
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_halves(const std::uint8_t* low, const std::uint8_t* high) {
    const vec both = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(low)));
    return _mm512_mask_broadcast_i64x4(both, 0xf0, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high)));
}

/// The bytes of the mask (at most 32) of two places, in the two halves.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec load_halves(const std::uint8_t* low, const std::uint8_t* high,
                                                   const byte_mask& mask) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi8(mask.half, low)),
                              _mm256_maskz_loadu_epi8(mask.half, high), 1);
}

// For elementwise operations and pooling.

/// `lanes` bytes as uint8, each in a lane.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec widen(const std::uint8_t* p, std::uint8_t flip) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_cvtepu8_epi32(_mm_xor_si128(bytes, _mm_set1_epi8(static_cast<char>(flip))));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec subtract(vec a, vec b) { return _mm512_sub_epi32(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec max_u8(vec a, vec b) { return _mm512_max_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec min_u8(vec a, vec b) { return _mm512_min_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void store_bytes(std::uint8_t* p, vec v, const byte_mask& mask) {
    _mm512_mask_storeu_epi8(p, mask.whole, v);
}

/// Sixteen bytes, in each 128 bits; and looking up in them: 0 where the index has its highest bit set.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec repeat_16(const std::uint8_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec look_up(vec table, vec index) { return _mm512_shuffle_epi8(table, index); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec add_u8(vec a, vec b) { return _mm512_adds_epu8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec subtract_bytes(vec a, vec b) { return _mm512_sub_epi8(a, b); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec either(vec a, vec b) { return _mm512_or_si512(a, b); }

/// The bytes that packing within 128 bits made of four registers, in order.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec in_order(vec packed) {
    const vec order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, packed);
}

/// Four registers, in order, to bytes: saturated to int16, the zero point added, saturated to int8.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec narrow(const vec (&v)[4], vec zero16) {
    const vec low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), zero16);
    const vec high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), zero16);
    return in_order(_mm512_packs_epi16(low, high));
}
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec splat_word(std::int32_t x) { return _mm512_set1_epi16(static_cast<short>(x)); }
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec clamp_s8(vec v, vec lowest, vec highest) {
    return _mm512_min_epi8(_mm512_max_epi8(v, lowest), highest);
}

/// The high halves of the unsigned products with m, which fits 32 bits.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec multiply_high(vec a, vec m) {
    const vec even = _mm512_mul_epu32(a, m), odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), m);
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
}

/// (a·m_a·2^up_a + b·m_b·2^up_b + half) >> n of the even or, moved down, the odd lanes, in 64 bits. 2^62 is added and,
/// shifted, taken off again, so that the shift may be unsigned.
struct sum_constants {
    vec a, b, added, taken;
    __m128i up_a, up_b, right;

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE sum_constants(std::int64_t m_a, std::int64_t m_b, int a_up, int b_up, int n)
        : a(_mm512_set1_epi64(m_a)),
          b(_mm512_set1_epi64(m_b)),
          added(_mm512_set1_epi64((std::int64_t{1} << 62) + (std::int64_t{1} << (n - 1)))),
          taken(_mm512_set1_epi64((std::int64_t{1} << 62) >> n)),
          up_a(_mm_cvtsi32_si128(a_up)),
          up_b(_mm_cvtsi32_si128(b_up)),
          right(_mm_cvtsi32_si128(n)) {}
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec half(vec x, vec y) const {
        const vec sum = _mm512_add_epi64(_mm512_sll_epi64(_mm512_mul_epi32(x, a), up_a),
                                         _mm512_sll_epi64(_mm512_mul_epi32(y, b), up_b));
        return _mm512_sub_epi64(_mm512_srl_epi64(_mm512_add_epi64(sum, added), right), taken);
    }
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec operator()(vec x, vec y) const {
        const vec odd = half(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32));
        return _mm512_mask_mov_epi32(half(x, y), 0xaaaa, _mm512_slli_epi64(odd, 32));
    }
};
