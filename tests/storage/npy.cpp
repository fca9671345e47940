// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/npy.hpp>

#include <tests/support/temporary_file.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

/// A file with any header text and any data, valid or not.
std::vector<std::byte> file_with(const std::string& dictionary, const std::string& data, int major = 1) {
    std::string text = std::string("\x93NUMPY") + static_cast<char>(major) + '\0';
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i) text += static_cast<char>(dictionary.size() >> (8 * i));
    return bytes_of(text + dictionary + data);
}

std::string header(const std::string& descr, const std::string& shape, const std::string& order = "False") {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

template <class T>
void round_trip(const lowbit::tensor<T>& values) {
    const auto file = lowbit::npy_bytes(values);
    CHECK(lowbit::read_npy<T>(file) == values);
    CHECK(lowbit::read_npy_header(file).data_offset % 64 == 0);
    CHECK(lowbit::read_npy_header(file).shape == values.shape());
}

using Catch::Matchers::Contains;
#define CHECK_REFUSED(file, part) CHECK_THROWS_WITH(lowbit::read_npy_header(file), Contains(part))

}  // namespace

TEST_CASE("npy: float16 comes back") {
    lowbit::tensor<lowbit::float16> values({3});
    values[1] = lowbit::float16(-1.5f);
    values[2] = lowbit::float16(0x1p-24f);
    round_trip(values);
    CHECK(lowbit::read_npy<float>(lowbit::npy_bytes(values))[1] == -1.5f);
}

TEMPLATE_TEST_CASE("npy: every type and rank comes back", "", float, double, std::int8_t, std::int16_t, std::int32_t,
                   std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t) {
    const std::vector<lowbit::tensor_shape> shapes{{}, {0}, {1}, {5}, {2, 3}, {2, 0, 4}, {1, 2, 3, 4, 5, 2}};
    for (const lowbit::tensor_shape& shape : shapes) {
        lowbit::tensor<TestType> values(shape);
        std::iota(values.begin(), values.end(), std::numeric_limits<TestType>::lowest());
        round_trip(values);
    }
}

TEST_CASE("npy: the bytes are numpy's") {
    const std::vector<std::int16_t> values{1, -2};
    std::string expected =
        std::string("\x93NUMPY\x01\0\x76\0", 10) + "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
    expected.append(127 - expected.size(), ' ');
    expected += "\n";
    expected += std::string("\x01\0\xfe\xff", 4);
    CHECK(lowbit::npy_bytes(values) == bytes_of(expected));
}

TEST_CASE("npy: big-endian, Fortran order, float16, bool and the later versions are honoured") {
    CHECK(lowbit::read_npy<int>(file_with(header("'>i2'", "(2,)"), std::string("\x01\x02\xff\xfe", 4)))[0] == 0x102);
    const auto fortran =
        lowbit::read_npy<int>(file_with(header("'|u1'", "(2, 3)", "True"), "\x01\x02\x03\x04\x05\x06"));
    CHECK(fortran == lowbit::tensor<int>({2, 3}, std::vector<int>{1, 3, 5, 2, 4, 6}));
    const auto half = lowbit::read_npy<float>(
        file_with(header("'<f2'", "(6,)"), std::string("\0\x3c\0\xc0\x01\0\xff\x7b\0\x80\0\x7c", 12)));
    CHECK(half[0] == 1.0f);
    CHECK(half[1] == -2.0f);
    CHECK(half[2] == 0x1p-24f);
    CHECK(half[3] == 65504.0f);
    CHECK(std::bit_cast<std::uint32_t>(half[4]) == 0x80000000u);
    CHECK(half[5] == std::numeric_limits<float>::infinity());
    CHECK(lowbit::read_npy<int>(file_with(header("'|b1'", "(2,)"), std::string("\x01\0", 2)))[0] == 1);
    CHECK(lowbit::read_npy<int>(file_with(header("'|u1'", "()") + std::string(70000, ' '), "\x07", 2))[0] == 7);
    CHECK(lowbit::read_npy<int>(file_with(header("\"<u2\"", "(1,)"), "ab", 3)).size() == 1);
}

TEST_CASE("npy: only types that hold every value are read") {
    const auto file = lowbit::npy_bytes(std::vector<float>{1});
    CHECK(lowbit::read_npy<double>(file)[0] == 1.0);
    CHECK_THROWS_WITH(lowbit::read_npy<int>(file), Contains("f4 do not all fit in i4"));
    CHECK_THROWS_AS(lowbit::read_npy<float>(lowbit::npy_bytes(std::vector<double>{1})), lowbit::error);
    CHECK_THROWS_AS(lowbit::read_npy<std::uint64_t>(lowbit::npy_bytes(std::vector<std::int8_t>{1})), lowbit::error);
    CHECK_THROWS_AS(lowbit::read_npy<std::int8_t>(lowbit::npy_bytes(std::vector<std::uint8_t>{1})), lowbit::error);
    CHECK_THROWS_AS(lowbit::read_npy<float>(lowbit::npy_bytes(std::vector<std::int32_t>{1})), lowbit::error);
    CHECK(lowbit::read_npy<double>(lowbit::npy_bytes(std::vector<std::int32_t>{-7}))[0] == -7);
}

TEST_CASE("npy: what is malformed is refused with the byte") {
    CHECK_REFUSED(bytes_of(""), "at byte 0 needs 6 bytes, but 0 are left");
    CHECK_REFUSED(bytes_of("\x93NUMPX\x01"), "does not begin");
    CHECK_REFUSED(file_with(header("'<f4'", "()"), "abcd", 4), "version 4.0");
    CHECK_REFUSED(bytes_of(std::string("\x93NUMPY\x01\0\xff\xff{}", 12)), "the header at byte 10 needs 65535 bytes");
    CHECK_REFUSED(bytes_of(std::string("\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14)), "needs 4294967295 bytes");
    CHECK_REFUSED(file_with(header("'|O'", "(1,)"), "abcdefgh"), "element type");
    CHECK_REFUSED(file_with(header("'|f4'", "(1,)"), "abcd"), "element type");
    CHECK_REFUSED(file_with(header("''", "(1,)"), "abcd"), "element type");
    CHECK_REFUSED(file_with(header("[('a', '<f4')]", "(1,)"), "abcd"), "structured");
    CHECK_REFUSED(file_with(header("'<f4'", "(2,)"), "abcd"), "the elements at byte");
    CHECK_REFUSED(file_with(header("'<f4'", "(1,)"), "abcde"), "after the last element");
    CHECK_REFUSED(file_with(header("'<f4'", "(-1,)"), "abcd"), "extent");
    CHECK_REFUSED(file_with(header("'<f4'", "(1)"), "abcd"), "comma");
    CHECK_REFUSED(file_with(header("'<f4'", "(4611686018427387904, 4)"), ""), "does not fit");
    CHECK_REFUSED(file_with(header("'<f8'", "(2305843009213693952,)"), ""), "does not fit");
    CHECK_REFUSED(file_with(header("'<f4'", "(9223372036854775808,)"), ""), "extent");
    CHECK_REFUSED(file_with(header("'<f4'", "(1, 1, 1, 1, 1, 1, 1)"), "abcd"), "axes");
    CHECK_REFUSED(file_with(header("'<f4'", "(1,)", "Maybe"), "abcd"), "True or False");
    CHECK_REFUSED(file_with("{'descr': '<f4'}", ""), "missing");
    CHECK_REFUSED(file_with("{'descr': '<f4', 'descr': '<f4'}", ""), "repeated");
    CHECK_REFUSED(file_with("{'descr", ""), "without an end");
    CHECK_REFUSED(file_with(header("'<f4'", "()") + "x", "abcd"), "after the dictionary");
    CHECK_THROWS_WITH(lowbit::read_npy<int>(file_with(header("'|b1'", "(1,)"), "\x02")), Contains("bool"));
}

TEST_CASE("npy: files") {
    const temporary_file temporary(".npy");
    const std::string path = temporary.path();
    const lowbit::tensor<float> values({2, 2}, std::vector<float>{1, 2, 3, 4});
    lowbit::write_npy(path, values);
    CHECK(lowbit::read_npy<float>(path) == values);
    CHECK(lowbit::read_npy_header(path).type == lowbit::npy_dtype{'f', 4});
    std::filesystem::remove(path);
    CHECK_THROWS_WITH(lowbit::read_npy<float>(path), Contains("cannot be opened"));
    CHECK_THROWS_AS(lowbit::read_file("/"), lowbit::error);
    CHECK_THROWS_AS(lowbit::write_npy("/nowhere/x.npy", values), lowbit::error);
}
