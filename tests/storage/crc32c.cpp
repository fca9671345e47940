// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/crc32c.hpp>

#include <catch2/catch.hpp>

#include <string_view>
#include <vector>

namespace {

std::uint32_t of(std::string_view text) { return lowbit::crc32c(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("crc32c: published values") {
    CHECK(of("") == 0);
    CHECK(of("123456789") == 0xE3069283u);
    CHECK(lowbit::crc32c(std::vector<std::byte>(32)) == 0x8A9136AAu);  // RFC 3720, B.4
    CHECK(lowbit::crc32c(std::vector<std::byte>(32, std::byte{0xff})) == 0x62A8AB43u);
}
