// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/code_stream.hpp>
#include <lowbit/formats/packed.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace lowbit;

TEST_CASE("writes what pack_codes writes and reads it back, at every width") {
    for (int bits = 1; bits <= 16; ++bits) {
        for (std::ptrdiff_t n = 0; n < 40; ++n) {
            std::vector<std::uint32_t> codes(static_cast<std::size_t>(n));
            for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint32_t>(i * 2654435761u);
            const auto size = static_cast<std::size_t>(packed_bytes(n, bits));
            std::vector<std::uint8_t> packed(size + 1, 0xee), written(size + 1, 0xee);
            pack_codes(codes.data(), n, bits, packed.data());
            code_writer out(written.data(), bits);
            for (const std::uint32_t code : codes) out.put(code);
            out.finish();
            REQUIRE(written == packed);
            code_reader in(written.data(), bits);
            for (const std::uint32_t code : codes) REQUIRE(in.next() == (code & ((1u << bits) - 1)));
        }
    }
}

TEST_CASE("copy_bits moves any run of bits to any place of zeros") {
    const std::vector<std::uint8_t> from{0x5a, 0xc3, 0x0f, 0x96, 0x71};
    const auto bit = [](const std::vector<std::uint8_t>& bytes, std::ptrdiff_t i) {
        return bytes[static_cast<std::size_t>(i / 8)] >> (i % 8) & 1;
    };
    for (std::ptrdiff_t from_bit = 0; from_bit < 10; ++from_bit) {
        for (std::ptrdiff_t to_bit = 0; to_bit < 10; ++to_bit) {
            for (std::ptrdiff_t count = 0; count <= 30; ++count) {
                std::vector<std::uint8_t> to(5, 0);
                copy_bits(from.data(), from_bit, to.data(), to_bit, count);
                for (std::ptrdiff_t i = 0; i < 40; ++i) {
                    const bool inside = i >= to_bit && i < to_bit + count;
                    REQUIRE(bit(to, i) == (inside ? bit(from, from_bit + i - to_bit) : 0));
                }
            }
        }
    }
}
