// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/packed_codes.hpp>

#include <catch2/catch.hpp>

#include <array>

using namespace lowbit;

TEST_CASE("packed codes are values: stored, compared, read back") {
    const std::array<std::int32_t, 11> codes{-4, -3, -2, -1, 0, 1, 2, 3, -4, 3, 1};
    packed_codes packed(11, 3, true);
    CHECK(packed.bytes().size() == 5);
    CHECK(packed[5] == 0);
    packed.pack(0, 8, codes.data());
    packed.pack(8, 3, codes.data() + 8);
    for (std::ptrdiff_t i = 0; i < 11; ++i) CHECK(packed[i] == codes[static_cast<std::size_t>(i)]);
    const tensor<std::int32_t> all = packed.unpack({11});
    CHECK(std::equal(all.begin(), all.end(), codes.begin(), codes.end()));

    packed_codes copy = packed;
    CHECK(copy == packed);
    const std::int8_t other = 2;
    copy.pack(8, 1, &other);
    CHECK(copy[8] == 2);
    CHECK(copy[9] == 0);  // the rest of that byte is what was packed: zeros
    CHECK_FALSE(copy == packed);
}

TEST_CASE("unsigned codes keep their highest bit") {
    const std::array<std::int32_t, 2> codes{65535, 32768};
    packed_codes packed(2, 16, false);
    packed.pack(0, 2, codes.data());
    CHECK(packed[0] == 65535);
    std::array<std::int32_t, 2> wide{};
    packed.unpack(0, 2, wide.data());
    CHECK(wide == codes);
    std::array<std::uint16_t, 2> narrow{};
    packed.unpack(0, 2, narrow.data());
    CHECK(narrow[1] == 32768);
}
