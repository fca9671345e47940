// SPDX-License-Identifier: Apache-2.0
/// @file
/// CRC-32C (Castagnoli), as iSCSI and ext4 have it: reflected polynomial 0x82F63B78, begins and ends inverted (RFC
/// 3720, B.4).
#pragma once

#include <lowbit/storage/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowbit {

namespace detail {

/// tables[k][b]: what byte b does to the remainder k bytes further on ("slicing by 8": Kounavis and Berry 2005).
inline constexpr auto crc32c_tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? 0x82F63B78u : 0u);
        tables[0][byte] = rest;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 255];
    }
    return tables;
}();

}  // namespace detail

/// The checksum of the bytes; of "123456789" it is 0xE3069283. Complexity O(n).
inline std::uint32_t crc32c(std::span<const std::byte> bytes) {
    const auto& tables = detail::crc32c_tables;
    std::uint32_t rest = ~0u;
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        const std::uint64_t next = detail::load_little<std::uint64_t>(bytes.data() + i) ^ rest;
        rest = 0;
        for (unsigned k = 0; k < 8; ++k) rest ^= tables[7 - k][next >> (8 * k) & 255];
    }
    for (; i < bytes.size(); ++i) rest = rest >> 8 ^ tables[0][(rest ^ std::uint32_t(bytes[i])) & 255];
    return ~rest;
}

}  // namespace lowbit
