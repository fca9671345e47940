// SPDX-License-Identifier: Apache-2.0
#include "examples/common/digits.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

namespace {

/// A file that goes when the test ends.
struct temporary_file {
    std::string path = (std::filesystem::temp_directory_path() / "lowbit_digits_test.idx").string();

    explicit temporary_file(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
    ~temporary_file() { std::remove(path.c_str()); }
};

const std::string header{"\0\0\x08\x02\0\0\0\x02\0\0\0\x03", 12};

std::string message(const std::string& bytes) {
    const temporary_file file(bytes);
    try {
        examples::read_idx(file.path, 2);
    } catch (const lowbit::error& e) {
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("IDX: extents are big-endian, then the bytes in order") {
    const temporary_file file(header + "abcdef");
    const auto values = examples::read_idx(file.path, 2);
    REQUIRE(values.shape() == lowbit::tensor_shape{2, 3});
    CHECK(std::string(values.begin(), values.end()) == "abcdef");
}

TEST_CASE("IDX: anything else is an error that says where") {
    using Catch::Matchers::Contains;
    CHECK_THAT(message(header + "abcde"), Contains("5 bytes follow the header"));
    CHECK_THAT(message(header + "abcdefg"), Contains("7 bytes follow the header"));
    CHECK_THAT(message(header.substr(0, 9)), Contains("end inside the header"));
    CHECK_THAT(message(std::string("\0\0\x08\x03", 4) + header.substr(4) + "abcdef"), Contains("offset 0"));
    CHECK_THAT(message(std::string("\0\0\x0d\x02", 4) + header.substr(4) + "abcdef"), Contains("offset 0"));
    CHECK_THAT(message("\x01" + header.substr(1) + "abcdef"), Contains("offset 0"));
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
