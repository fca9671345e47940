// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <vector>

using namespace lowbit;

TEST_CASE("the first element is in the low bits") {
    const std::uint8_t nibbles[] = {1, 2, 3};
    std::uint8_t bytes[2];
    pack_codes(nibbles, 3, 4, bytes);
    CHECK(int(bytes[0]) == 0x21);
    CHECK(int(bytes[1]) == 0x03);
    const std::uint8_t threes[] = {0b101, 0b010, 0b111};
    pack_codes(threes, 3, 3, bytes);
    CHECK(int(bytes[0]) == 0b11'010'101);
    CHECK(int(bytes[1]) == 0b1);
}

TEST_CASE("every width and length comes back, one by one and all at once, and no byte is written past the end") {
    std::uint32_t state = 1;
    for (int bits = 1; bits <= 16; ++bits) {
        for (std::ptrdiff_t n = 0; n <= 67; ++n) {
            std::vector<std::int32_t> codes(static_cast<std::size_t>(n));
            for (auto& code : codes) {
                state = state * 1664525u + 1013904223u;
                code = extend_code<std::int32_t>(state >> 9, bits);
            }
            const auto size = static_cast<std::size_t>(packed_bytes(n, bits));
            REQUIRE(size == static_cast<std::size_t>((n * bits + 7) / 8));
            std::vector<std::uint8_t> bytes(size + 1, 0xa5);
            pack_codes(codes.data(), n, bits, bytes.data());
            REQUIRE(bytes[size] == 0xa5);
            if (n * bits % 8 != 0) REQUIRE(bytes[size - 1] >> (n * bits % 8) == 0);

            std::vector<std::int32_t> back(codes.size());
            unpack_codes(bytes.data(), n, bits, back.data());
            REQUIRE(back == codes);
            std::vector<std::uint16_t> unsigned_back(codes.size());
            unpack_codes(bytes.data(), n, bits, unsigned_back.data());
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                const auto at = static_cast<std::size_t>(i);
                REQUIRE(unsigned_back[at] == (static_cast<std::uint32_t>(codes[at]) & ((1u << bits) - 1)));
                REQUIRE(packed_code<std::int32_t>(bytes.data(), i, bits) == codes[at]);
            }
        }
    }
}

TEST_CASE("sizes do not overflow") {
    CHECK(packed_bytes(0, 3) == 0);
    CHECK(packed_bytes(std::numeric_limits<std::ptrdiff_t>::max(), 1) == std::ptrdiff_t{1} << 60);
    static_assert(packed_bytes(3, 3) == 2);
}
