// SPDX-License-Identifier: Apache-2.0
/// @file
/// Packed integers of 1 … 16 bits: a little-endian bit stream, the first element in the lowest bits.
///
/// Element i of width b occupies the bits [i·b, (i+1)·b) of the stream; bit j of the stream is bit j mod 8 of byte
/// j div 8. So 4-bit codes have the even element in the low nibble. Signed codes are stored in two's complement.
/// Plain memory in and out, byte by byte: the same bytes on every CPU.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Bytes that `count` codes of `bits` bits take: ⌈count·bits / 8⌉.
constexpr std::ptrdiff_t packed_bytes(std::ptrdiff_t count, int bits) {
    // In two parts, so that counts near the end of std::ptrdiff_t do not overflow.
    return count / 8 * bits + (count % 8 * bits + 7) / 8;
}

/// The low `bits` bits of a word as a code: sign-extended for a signed Code, zero-extended else.
template <std::integral Code>
constexpr Code extend_code(std::uint32_t word, int bits) {
    if constexpr (std::signed_integral<Code>) {
        const int unused = 32 - bits;
        return static_cast<Code>(static_cast<std::int32_t>(word << unused) >> unused);
    } else {
        return static_cast<Code>(word & ((1u << bits) - 1));
    }
}

/// Packs n codes; writes exactly packed_bytes(n, bits) bytes, unused high bits of the last one 0. Codes are cut to
/// their low bits. bits in 1 … 16. Complexity O(n).
template <std::integral Code>
constexpr void pack_codes(const Code* codes, std::ptrdiff_t n, int bits, std::uint8_t* bytes) {
    const std::uint32_t mask = (1u << bits) - 1;
    std::uint32_t pending = 0;
    int filled = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        pending |= (static_cast<std::uint32_t>(codes[i]) & mask) << filled;
        for (filled += bits; filled >= 8; filled -= 8, pending >>= 8) *bytes++ = static_cast<std::uint8_t>(pending);
    }
    if (filled > 0) *bytes = static_cast<std::uint8_t>(pending);
}

/// Unpacks n codes, sign-extended where Code is signed; reads exactly packed_bytes(n, bits) bytes. bits in 1 … 16.
template <std::integral Code>
constexpr void unpack_codes(const std::uint8_t* bytes, std::ptrdiff_t n, int bits, Code* codes) {
    std::uint32_t pending = 0;
    int filled = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        for (; filled < bits; filled += 8) pending |= static_cast<std::uint32_t>(*bytes++) << filled;
        codes[i] = extend_code<Code>(pending, bits);
        pending >>= bits;
        filled -= bits;
    }
}

/// The code at index i of a packed stream. Complexity O(1).
template <std::integral Code>
constexpr Code packed_code(const std::uint8_t* bytes, std::ptrdiff_t i, int bits) {
    const std::ptrdiff_t first = i * bits, last = first + bits - 1;
    std::uint32_t word = 0;
    for (std::ptrdiff_t byte = last / 8; byte >= first / 8; --byte) word = word << 8 | bytes[byte];
    return extend_code<Code>(word >> (first % 8), bits);
}

}  // namespace lowbit
