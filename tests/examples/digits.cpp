// SPDX-License-Identifier: Apache-2.0
#include "examples/common/digits.hpp"

#include <tests/support/temporary_file.hpp>

#include <catch2/catch.hpp>

#include <fstream>
#include <numeric>
#include <string>

namespace {

const std::string header{"\0\0\x08\x02\0\0\0\x02\0\0\0\x03", 12};

lowbit::tensor<std::uint8_t> read(const std::string& bytes) {
    const temporary_file file(".idx");
    std::ofstream(file.path(), std::ios::binary) << bytes;
    return examples::read_idx(file.path(), 2);
}

std::string message(const std::string& bytes) {
    try {
        read(bytes);
    } catch (const lowbit::error& e) {
        return e.what();
    }
    return "";
}

/// A good file but for one byte of its header.
std::string with_byte(std::size_t offset, char value) {
    std::string bytes = header + "abcdef";
    bytes[offset] = value;
    return bytes;
}

}  // namespace

TEST_CASE("IDX: extents are big-endian, then the bytes in order") {
    const auto values = read(header + "abcdef");
    REQUIRE(values.shape() == lowbit::tensor_shape{2, 3});
    CHECK(std::string(values.begin(), values.end()) == "abcdef");
}

TEST_CASE("IDX: anything else is an error that says where") {
    using Catch::Matchers::Contains;
    CHECK_THAT(message(header + "abcde"), Contains("5 bytes follow the header"));
    CHECK_THAT(message(header + "abcdefg"), Contains("7 bytes follow the header"));
    CHECK_THAT(message(header.substr(0, 9)), Contains("end inside the header"));
    CHECK_THAT(message(with_byte(3, 3)), Contains("offset 0"));
    CHECK_THAT(message(with_byte(2, 0x0d)), Contains("offset 0"));
    CHECK_THAT(message(with_byte(0, 1)), Contains("offset 0"));
    CHECK_THROWS_AS(examples::read_idx("/nonexistent", 2), lowbit::error);
}

TEST_CASE("the committed digits, cut without overlap") {
    const examples::digit_parts parts(LOWBIT_EXAMPLE_DATA "/digits");
    CHECK(parts.train.size() == 7000);
    CHECK(parts.choice.size() == 1000);
    CHECK(parts.test.size() == 2000);
    const std::vector<int> first(parts.train.labels.begin(), parts.train.labels.begin() + 8);
    CHECK(first == std::vector<int>{3, 8, 1, 0, 4, 0, 9, 3});
    CHECK(parts.test.images.shape() == lowbit::tensor_shape{2000, 28, 28, 1});
    const auto values = examples::to_float(parts.choice);
    CHECK(*std::max_element(values.begin(), values.end()) == 1.0f);
    CHECK(*std::min_element(values.begin(), values.end()) == 0.0f);
}
