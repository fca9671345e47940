// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/pack.hpp, 64 codes at a time. See quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

/// What packing and unpacking a width needs, made by the compiler: a call may have only a few codes to pack.
struct pack_tables {
    static constexpr int units_in_quarter = 16 / static_cast<int>(sizeof(unit));

    alignas(64) std::uint32_t up[16]{};  ///< shifts of every other dword to its top
    alignas(64) unit even_units[4 * units_in_quarter]{}, odd_units[4 * units_in_quarter]{};
    alignas(64) std::uint8_t even_bytes[64]{}, odd_bytes[64]{};
    std::uint16_t products[8]{};
    std::uint8_t used[16]{};

    constexpr pack_tables() = default;
    constexpr explicit pack_tables(int bits) {
        for (int i = 0; i < 8; ++i) {
            up[2 * i] = static_cast<std::uint32_t>(32 - 4 * bits);
            products[i] = static_cast<std::uint16_t>(1u << (16 - bits - i * bits % 8));
        }
        const int codes = bits % 2 == 0 ? 4 : 8, bytes = codes * bits / 8;  // that are joined
        for (int i = 0; i < 16; ++i)
            used[i] = static_cast<std::uint8_t>(i < 2 * bits ? i / bytes * codes + i % bytes : 0x80);
        distribute_eights(bits, 0, even_units, even_bytes);
        distribute_eights(bits, 1, odd_units, odd_bytes);
    }

private:
    /// Quarter q takes the codes 8·(2q + odd) …: first whole units, then bytes of them.
    static constexpr void distribute_eights(int bits, int odd, unit* units, std::uint8_t* bytes) {
        for (int q = 0; q < 4; ++q) {
            const int first = (2 * (q % quarters_of_load) + odd) * bits, size = static_cast<int>(sizeof(unit));
            for (int j = 0; j < units_in_quarter; ++j)
                units[q * units_in_quarter + j] = static_cast<unit>(first / size + j);
            for (int i = 0; i < 8; ++i) {
                bytes[16 * q + 2 * i] = static_cast<std::uint8_t>(first % size + i * bits / 8);
                bytes[16 * q + 2 * i + 1] = static_cast<std::uint8_t>(first % size + i * bits / 8 + 1);
            }
        }
    }
};

/// By width; there are none for 0 and 1.
inline constexpr pack_tables pack_tables_of[9] = {{},
                                                  {},
                                                  pack_tables(2),
                                                  pack_tables(3),
                                                  pack_tables(4),
                                                  pack_tables(5),
                                                  pack_tables(6),
                                                  pack_tables(7),
                                                  pack_tables(8)};

/// 64 codes of 2 … 7 bits, one a byte, nothing above them, to 8·bits bytes and up to 16 more that are overwritten with
/// anything. In a quarter: 2 codes are joined in a word, 4 in a dword, 8 in a qword where 4 are not whole bytes, and
/// the bytes that are used moved together.
struct packer {
    __attribute__((LOWBIT_TARGET, always_inline)) explicit packer(int bits)
        : bits_(bits),
          pairs_(splat_words(1 | 1 << (8 + bits))),
          fours_(splat(1 | 1 << (16 + 2 * bits))),
          up_(load_bytes(pack_tables_of[bits].up)),
          order_(splat_quarter(pack_tables_of[bits].used)) {}

    __attribute__((LOWBIT_TARGET, always_inline)) void operator()(i32 codes, std::uint8_t* bytes) const {
        const i32 words = add_byte_pairs(pairs_, codes);
        if (bits_ == 3) return pack_sixes(low_bytes(words), bytes);
        i32 joined = add_word_pairs(fours_, words);
        if (bits_ % 2 != 0) joined = shift_right_quads(shift_left(joined, up_), 32 - 4 * bits_);
        store_quarters(bytes, 2 * bits_, shuffle_bytes(joined, order_));
    }

private:
    /// Two codes of 3 bits are one of 6, of which there are half as many.
    __attribute__((LOWBIT_TARGET, always_inline)) static void pack_sixes(__m256i codes, std::uint8_t* bytes) {
        const __m256i words = _mm256_maddubs_epi16(_mm256_set1_epi16(1 | 1 << (8 + 6)), codes);
        const __m256i dwords = _mm256_madd_epi16(_mm256_set1_epi32(1 | 1 << (16 + 12)), words);
        const __m256i order = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)pack_tables_of[6].used));
        const __m256i packed = _mm256_shuffle_epi8(dwords, order);
        _mm_storeu_si128((__m128i*)bytes, _mm256_castsi256_si128(packed));
        _mm_storeu_si128((__m128i*)(bytes + 12), _mm256_extracti128_si256(packed, 1));
    }

    int bits_;
    i32 pairs_, fours_, up_, order_;
};

/// 8·bits bytes to 64 codes of 2 … 7 bits, one a byte; reads `reach` bytes. Each quarter gets the bytes of eight codes,
/// spread over its words so that each has the bytes its code is in; a product moves the code to the word's top, a shift
/// down to its bottom.
class unpacker {
public:
    static constexpr std::ptrdiff_t reach = 64;

    __attribute__((LOWBIT_TARGET, always_inline)) explicit unpacker(int bits)
        : bits_(bits),
          products_(splat_quarter(pack_tables_of[bits].products)),
          even_units_(load_bytes(pack_tables_of[bits].even_units)),
          even_bytes_(load_bytes(pack_tables_of[bits].even_bytes)),
          odd_units_(load_bytes(pack_tables_of[bits].odd_units)),
          odd_bytes_(load_bytes(pack_tables_of[bits].odd_bytes)) {}

    int bits() const { return bits_; }

    template <class Code>
    __attribute__((LOWBIT_TARGET, always_inline)) i32 operator()(const std::uint8_t* bytes, Code) const {
        const i32 loaded = load_eights(bytes, bits_);
        return pack_quarters(moved(loaded, even_units_, even_bytes_, Code{}),
                             moved(loaded, odd_units_, odd_bytes_, Code{}), Code{});
    }

private:
    template <class Code>
    __attribute__((LOWBIT_TARGET, always_inline)) i32 moved(i32 loaded, i32 units, i32 bytes, Code) const {
        const i32 top = multiply_words(shuffle_bytes(distribute(loaded, units), bytes), products_);
        if constexpr (std::is_signed_v<Code>) {
            return shift_right_words_signed(top, 16 - bits_);
        } else {
            return shift_right_words(top, 16 - bits_);
        }
    }

    int bits_;
    i32 products_, even_units_, even_bytes_, odd_units_, odd_bytes_;
};

/// Packs as many codes as can be without touching what follows the stream; gives back how many.
__attribute__((LOWBIT_TARGET)) inline std::ptrdiff_t pack_bytes(const std::uint8_t* codes, std::ptrdiff_t n, int bits,
                                                                std::uint8_t* bytes) {
    const packer pack(bits);
    const i32 used = splat_bytes((1 << bits) - 1);
    const std::ptrdiff_t margin = 16 * 8 / bits + 64;
    std::ptrdiff_t i = 0;
    for (; i + margin <= n; i += 64, bytes += 8 * bits) pack(bit_and(load_bytes(codes + i), used), bytes);
    return i;
}

/// Unpacks n codes, one a byte, to `codes`, or gives back where they are already. Past n, up to a multiple of 64, there
/// is room. `available`: codes of the stream from here on, at least n.
template <class Code>
__attribute__((LOWBIT_TARGET)) const Code* unpack_tile(const unpacker& how, const std::uint8_t* bytes, std::ptrdiff_t n,
                                                       std::ptrdiff_t available, Code* codes) {
    const unpacker unpack = how;  // a copy, which stores of bytes cannot change
    const int bits = unpack.bits();
    if (bits == 8) return reinterpret_cast<const Code*>(bytes);
    const std::ptrdiff_t last = packed_bytes(available, bits) - unpacker::reach;  // where a whole read may start
    for (std::ptrdiff_t i = 0; i < n; i += 64) {
        const std::ptrdiff_t at = i / 8 * bits;
        if (at <= last) {
            store_bytes(codes + i, unpack(bytes + at, Code{}));
        } else {
            std::uint8_t copy[unpacker::reach] = {};
            const std::ptrdiff_t left = last + unpacker::reach - at;
            __builtin_memcpy(copy, bytes + at,
                             static_cast<std::size_t>(left < unpacker::reach ? left : unpacker::reach));
            store_bytes(codes + i, unpack(copy, Code{}));
        }
    }
    return codes;
}

/// n codes, one a byte.
template <class Code>
__attribute__((LOWBIT_TARGET)) void unpack_bytes(const std::uint8_t* bytes, std::ptrdiff_t n, int bits, Code* codes) {
    const unpacker unpack(bits);
    const std::ptrdiff_t whole = n / 64 * 64;
    unpack_tile(unpack, bytes, whole, n, codes);
    if (whole == n) return;
    Code rest[64];
    unpack_tile(unpack, bytes + whole / 8 * bits, n - whole, n - whole, rest);
    __builtin_memcpy(codes + whole, rest, static_cast<std::size_t>(n - whole));
}

}  // namespace lowbit::detail::LOWBIT_LANES
