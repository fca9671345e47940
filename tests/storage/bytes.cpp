// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/bytes.hpp>

#include <tests/support/temporary_file.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace {

const std::vector<std::byte> five_bytes{std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x84},
                                        std::byte{0xff}};

}  // namespace

TEST_CASE("numbers are little-endian in files, whatever the machine") {
    lowbit::byte_reader reader(five_bytes, "test");
    CHECK(reader.number<std::uint16_t>("a number") == 0x0201);
    CHECK(reader.offset() == 2);
    CHECK(reader.number<std::int16_t>("a number") == std::int16_t(0x8403));
    CHECK(reader.remaining() == 1);
    CHECK(reader.number<std::int8_t>("a number") == -1);
    CHECK(lowbit::detail::load_bytes<std::uint32_t>(five_bytes.data(), std::endian::big) == 0x01020384u);

    std::byte stored[4];
    lowbit::detail::store_bytes(1.0f, stored);
    CHECK(stored[3] == std::byte{0x3f});
    CHECK(stored[2] == std::byte{0x80});
    CHECK(lowbit::detail::load_bytes<float>(stored) == 1.0f);
}

TEST_CASE("a reader cannot leave its bytes, and says where it stood") {
    lowbit::byte_reader reader(five_bytes, "test");
    CHECK(reader.take(3, "the head").size() == 3);
    CHECK_THROWS_WITH(reader.take(3, "the tail"), "test: the tail at byte 3 needs 3 bytes, but 2 are left");
    CHECK_THROWS_AS(reader.take(static_cast<std::size_t>(-1), "a length that wraps"), lowbit::error);
    CHECK_THROWS_AS(reader.number<std::uint32_t>("a number"), lowbit::error);
    CHECK(reader.offset() == 3);
    CHECK(reader.take(2, "the tail").size() == 2);
    CHECK(reader.take(0, "nothing").empty());
    CHECK_NOTHROW(reader.require(true, "never"));
    CHECK_THROWS_WITH(reader.require(false, "bad ", 7), "test: at byte 5: bad 7");
}

TEST_CASE("files come back as they were written, larger than a buffer too") {
    const temporary_file temporary;
    const std::string path = temporary.path();
    std::vector<std::byte> large(200'000);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::byte>(i * 7);
    lowbit::write_file(path, large);
    CHECK(lowbit::read_file(path) == large);
    lowbit::write_file(path, five_bytes);
    CHECK(lowbit::read_file(path) == five_bytes);
    std::filesystem::remove(path);
    CHECK_THROWS_WITH(lowbit::read_file(path), path + ": cannot be opened for reading");
    CHECK_THROWS_AS(lowbit::read_file("."), lowbit::error);
    CHECK_THROWS_AS(lowbit::write_file("no/such/folder/file", five_bytes), lowbit::error);
}
