// SPDX-License-Identifier: Apache-2.0
/// @file
/// Codes of 1 … 16 bits written and read one after the other: the layout of formats/packed.hpp (a little-endian bit
/// stream, the first element in the lowest bits) without a buffer in between.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Appends codes to a byte stream.
class code_writer {
public:
    constexpr code_writer(std::uint8_t* bytes, int bits) : bytes_(bytes), bits_(bits) {}

    /// Appends the low bits of a code.
    constexpr void put(std::uint32_t code) {
        pending_ |= (code & ((1u << bits_) - 1)) << filled_;
        for (filled_ += bits_; filled_ >= 8; filled_ -= 8, pending_ >>= 8) {
            *bytes_++ = static_cast<std::uint8_t>(pending_);
        }
    }

    /// Writes the bits of an unfinished byte, its unused high bits 0. Once, at the end.
    constexpr void finish() {
        if (filled_ > 0) *bytes_ = static_cast<std::uint8_t>(pending_);
    }

private:
    std::uint8_t* bytes_;
    int bits_, filled_ = 0;
    std::uint32_t pending_ = 0;
};

/// Takes codes from a byte stream.
class code_reader {
public:
    constexpr code_reader(const std::uint8_t* bytes, int bits) : bytes_(bytes), bits_(bits) {}

    /// The next code, zero-extended.
    constexpr std::uint32_t next() {
        for (; filled_ < bits_; filled_ += 8) pending_ |= static_cast<std::uint32_t>(*bytes_++) << filled_;
        const std::uint32_t code = pending_ & ((1u << bits_) - 1);
        pending_ >>= bits_;
        filled_ -= bits_;
        return code;
    }

private:
    const std::uint8_t* bytes_;
    int bits_, filled_ = 0;
    std::uint32_t pending_ = 0;
};

/// Copies `count` bits, from bit `from_bit` of one stream to bit `to_bit` of another that holds zeros there.
constexpr void copy_bits(const std::uint8_t* from, std::ptrdiff_t from_bit, std::uint8_t* to, std::ptrdiff_t to_bit,
                         std::ptrdiff_t count) {
    while (count > 0) {
        const int skip_from = static_cast<int>(from_bit % 8), skip_to = static_cast<int>(to_bit % 8);
        const int room = 8 - (skip_from > skip_to ? skip_from : skip_to);
        const int step = count < room ? static_cast<int>(count) : room;
        const unsigned bits = (static_cast<unsigned>(from[from_bit / 8]) >> skip_from) & ((1u << step) - 1);
        to[to_bit / 8] = static_cast<std::uint8_t>(to[to_bit / 8] | (bits << skip_to));
        from_bit += step;
        to_bit += step;
        count -= step;
    }
}

}  // namespace lowbit
