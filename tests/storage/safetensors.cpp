// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/safetensors.hpp>

#include <catch2/catch.hpp>

#include <numeric>

using namespace lowbit;
using Catch::Matchers::Contains;

namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data) {
    std::vector<std::byte> file(8 + header.size() + data);
    detail::store_bytes(std::uint64_t{header.size()}, file.data());
    std::memcpy(file.data() + 8, header.data(), header.size());
    return file;
}

void refuse(const std::string& header, std::size_t data, const std::string& part) {
    CAPTURE(header);
    CHECK_THROWS_WITH(safetensors(file_of(header, data)), Contains(part));
}

}  // namespace

TEMPLATE_TEST_CASE("safetensors: every type comes back", "", float, double, float16, bfloat16, float8_e4m3, float8_e5m2,
                   std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
                   std::uint64_t) {
    tensor<TestType> values({2, 3});
    for (std::ptrdiff_t i = 0; i < 6; ++i) values[i] = static_cast<TestType>(static_cast<float>(i));
    safetensors_writer writer;
    writer.add("a", values);
    writer.add("scalar", tensor<TestType>(tensor_shape{}));
    writer.add("empty", tensor<TestType>({0, 7}));
    const auto file = writer.bytes();
    const safetensors read(file);
    CHECK(read.template read<TestType>("a") == values);
    CHECK(read.entries().size() == 3);
    CHECK(read.find("empty").shape == tensor_shape{0, 7});
    if constexpr (!std::is_integral_v<TestType>) {
        CHECK(read.read_float("a")[5] == 5.0f);
    } else {
        CHECK_THROWS_WITH(read.read_float("a"), Contains("no floats"));
    }
    CHECK_THROWS_AS(read.find("b"), error);
}

TEST_CASE("safetensors: the published layout, names and metadata") {
    safetensors_writer writer;
    writer.metadata({{"format", "pt"}, {"quote\"", "line\n"}});
    writer.add("w", std::vector<float>{1, 2});
    CHECK_THROWS_AS(writer.add("w", std::vector<float>{1}), error);
    CHECK_THROWS_AS(writer.add("__metadata__", std::vector<float>{1}), error);
    CHECK_THROWS_AS(writer.metadata({}), error);
    const auto mask = file_of("{\"m\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2);
    CHECK(safetensors(mask).read<std::uint8_t>("m").size() == 2);
    CHECK_THROWS_WITH(safetensors(mask).read<std::int8_t>("m"), Contains("holds BOOL, not I8"));
    const auto file = writer.bytes();
    const std::string text(reinterpret_cast<const char*>(file.data()) + 8, file.size() - 16);
    CHECK(text.rfind("{\"__metadata__\":{\"format\":\"pt\",\"quote\\\"\":\"line\\u000a\"},"
                     "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                     0) == 0);
    CHECK((file.size() - 8) % 8 == 0);
    const safetensors read(file);
    CHECK(read.metadata().at("quote\"") == "line\n");
    const auto other = file_of(" {}", 0);
    CHECK_THROWS_WITH(safetensors(other), Contains("does not begin"));
    const auto escapes =
        file_of("{ \"\\u00e9\\ud83d\\ude00\\/\" : {\"shape\":[ ] ,\"dtype\":\"U8\",\"data_offsets\":[ 0 , 1 ]} } ", 1);
    CHECK(safetensors(escapes).entries()[0].name == "\xc3\xa9\xf0\x9f\x98\x80/");
}

TEST_CASE("safetensors: what is malformed is refused with the byte") {
    const std::string f32 = "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":";
    CHECK_THROWS_WITH(safetensors(std::vector<std::byte>(7)), Contains("the header length at byte 0"));
    CHECK_THROWS_WITH(safetensors(std::vector<std::byte>(9, std::byte{0xff})), Contains("18446744073709551615 bytes"));
    refuse("", 0, "does not begin");
    refuse("{", 0, "expected '\"'");
    refuse("{}x", 0, "after the header");
    refuse("{}", 3, "belong to no tensor");
    refuse("{\"a\":{" + f32 + "[0,4]}}", 5, "1 bytes that belong to no tensor");
    refuse("{\"a\":{" + f32 + "[0,4]},\"b\":{" + f32 + "[0,4]}}", 4, "gaps and overlaps");
    refuse("{\"a\":{" + f32 + "[0,4]},\"b\":{" + f32 + "[5,9]}}", 9, "gaps and overlaps");
    refuse("{\"a\":{" + f32 + "[0,4]},\"a\":{" + f32 + "[4,8]}}", 8, "there twice");
    refuse("{\"a\":{" + f32 + "[4,0]}}", 4, "data_offsets [4, 0]");
    refuse("{\"a\":{" + f32 + "[0,8]}}", 4, "data_offsets [0, 8]");
    refuse("{\"a\":{" + f32 + "[0,3]}}", 3, "3 bytes for [1]");
    refuse("{\"a\":{" + f32 + "[0,18446744073709551616]}}", 3, "whole number");
    refuse("{\"a\":{" + f32 + "[-1,3]}}", 3, "whole number");
    refuse("{\"a\":{" + f32 + "[0]}}", 4, "two data_offsets");
    refuse("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype");
    refuse("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 4, "repeated key");
    refuse("{\"a\":{\"dtype\":\"F32\"}}", 4, "needs dtype");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}", 4, "does not fit");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4, "extent");
    refuse("{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0, "does not fit");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, "axes");
    refuse("{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "twice");
    refuse("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "second");
    refuse("{\"a\\x\":{}}", 0, "unknown escape");
    refuse("{\"a\\ud800\":{}}", 0, "surrogate");
    refuse("{\"a\\u12\":{}}", 0, "escape");
    refuse("{\"a\n\":{}}", 0, "control character");
    refuse("{\"a", 0, "without an end");
}
