// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/mapped_file.hpp>

#include <tests/support/temporary_file.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>

TEST_CASE("mapped_file: the bytes of a file") {
    const temporary_file temporary;
    const std::string path = temporary.path();
    std::vector<std::byte> content(100000);
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = std::byte(i * 7);
    lowbit::write_file(path, content);
    lowbit::mapped_file file(path);
    CHECK(std::equal(file.bytes().begin(), file.bytes().end(), content.begin(), content.end()));
    lowbit::mapped_file moved(std::move(file));
    CHECK(moved.bytes().size() == content.size());
    lowbit::write_file(path, {});
    lowbit::mapped_file empty(path);
    CHECK(empty.bytes().empty());
    empty = std::move(moved);
    CHECK(empty.bytes().size() == content.size());
    std::filesystem::remove(path);
    CHECK_THROWS_AS(lowbit::mapped_file(path), lowbit::error);
    CHECK_THROWS_AS(lowbit::mapped_file("/"), lowbit::error);
}
