// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/minifloat.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }
float from(std::uint32_t x) { return std::bit_cast<float>(x); }

using float8_e4m3_ieee = minifloat<4, 3>;
using float8_e3m4_ieee = minifloat<3, 4>;

// The numbers of a format by the formula on the top of the header, in float64, and the one nearest to x by comparing
// distances: slow, plain, and without a line in common with the library.
template <class Format>
class plain {
public:
    plain() {
        for (std::uint32_t code = 0; code <= Format::max_code; ++code) {
            const int field = static_cast<int>(code >> Format::mantissa_bits);
            const double m = static_cast<double>(code % (1u << Format::mantissa_bits)) / (1 << Format::mantissa_bits);
            values_.push_back(field > 0 ? std::ldexp(1.0 + m, field - Format::bias) : std::ldexp(m, 1 - Format::bias));
        }
        // Where the next number would be, if the format went on.
        values_.push_back(2 * values_.back() - values_[values_.size() - 2]);
    }

    double value(std::uint32_t code) const { return values_.at(code); }

    // The code of a finite |x|; max_code + 1 stands for beyond. `at` is where to start looking: for rising x, the last
    // answer.
    std::uint32_t nearest(double x, ties rule, std::uint32_t at = 0) const {
        while (at <= Format::max_code) {
            const double down = x - values_[at], up = values_[at + 1] - x;
            if (down < up) break;
            if (down == up && rule == ties::even && at % 2 == 0) break;
            ++at;
        }
        return at;
    }

private:
    std::vector<double> values_;
};

template <class Format>
std::uint32_t expected_code(std::uint32_t nearest, overflow beyond) {
    if (nearest <= Format::max_code) return nearest;
    const bool has_special = Format::max_code + 1 < Format::sign_bit;
    return beyond == overflow::saturate || !has_special ? Format::max_code : Format::max_code + 1;
}

}  // namespace

TEMPLATE_TEST_CASE("every code decodes and encodes back to itself", "", float8_e4m3, float8_e5m2, float6_e3m2,
                   float6_e2m3, float4_e2m1, float16, bfloat16, float8_e4m3_ieee, float8_e3m4_ieee,
                   (minifloat<4, 3, specials::ieee, 11>)) {
    const plain<TestType> reference;
    for (std::uint32_t code = 0; code < (1u << TestType::bits); ++code) {
        const auto number = TestType::from_bits(code);
        const float value = static_cast<float>(number);
        REQUIRE(number.to_bits() == code);
        if (number.is_nan()) {
            REQUIRE(is_nan(value));
            if (TestType::max_code % 2 == 0) continue;  // E4M3: one NaN; the float32 made from it is canonical
        } else if (const std::uint32_t magnitude = code & (TestType::sign_bit - 1); magnitude <= TestType::max_code) {
            const double sign = code & TestType::sign_bit ? -1.0 : 1.0;
            REQUIRE(static_cast<double>(value) == sign * reference.value(magnitude));
            REQUIRE(std::signbit(value) == (code & TestType::sign_bit) > 0);
        }
        for (const ties rule : {ties::even, ties::away}) {
            REQUIRE(TestType(value, rule).to_bits() == code);
            REQUIRE(TestType(value, rule, overflow::special).to_bits() == code);
        }
    }
}

TEMPLATE_TEST_CASE("rounding agrees with the plain definition around every midpoint", "", float8_e4m3, float8_e5m2,
                   float6_e3m2, float6_e2m3, float4_e2m1, float16, bfloat16) {
    const plain<TestType> reference;
    for (std::uint32_t code = 0; code <= TestType::max_code; ++code) {
        const float middle = static_cast<float>((reference.value(code) + reference.value(code + 1)) / 2);
        for (const float x : {std::nextafter(middle, 0.0f), middle, std::nextafter(middle, INFINITY)}) {
            if (!is_finite(x)) continue;
            for (const ties rule : {ties::even, ties::away}) {
                for (const overflow beyond : {overflow::saturate, overflow::special}) {
                    const auto near = reference.nearest(static_cast<double>(x), rule, code);
                    const auto expected = expected_code<TestType>(near, beyond);
                    INFO("x = " << x << " code " << code);
                    REQUIRE(TestType(x, rule, beyond).to_bits() == expected);
                    REQUIRE(TestType(-x, rule, beyond).to_bits() == (expected | TestType::sign_bit));
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("floats sampled from all bit patterns agree with the plain definition", "", float8_e4m3, float8_e5m2,
                   float6_e3m2, float6_e2m3, float4_e2m1, float16, bfloat16) {
    const plain<TestType> reference;
    std::uint32_t near_even = 0, near_away = 0;
    for (std::uint32_t pattern = 0; pattern < 0x7f800000u; pattern += 4093) {
        const double x = static_cast<double>(from(pattern));
        near_even = reference.nearest(x, ties::even, near_even);
        near_away = reference.nearest(x, ties::away, near_away);
        const auto even = expected_code<TestType>(near_even, overflow::saturate);
        const auto away = expected_code<TestType>(near_away, overflow::special);
        if (TestType(from(pattern)).to_bits() != even) FAIL("pattern " << pattern);
        if (TestType(from(pattern), ties::away, overflow::special).to_bits() != away) FAIL("pattern " << pattern);
    }
}

// Takes minutes: test_formats_minifloat "[exhaustive]". Every float32, both tie rules, both overflow rules.
TEMPLATE_TEST_CASE("all floats agree with the plain definition", "[.][exhaustive]", float8_e4m3, float8_e5m2,
                   float4_e2m1) {
    const plain<TestType> reference;
    std::uint32_t near[2] = {0, 0};
    std::size_t wrong = 0;
    for (std::uint32_t pattern = 0; pattern < 0x7f800000u; ++pattern) {
        for (const ties rule : {ties::even, ties::away}) {
            auto& at = near[rule == ties::away];
            at = reference.nearest(static_cast<double>(from(pattern)), rule, at);
            for (const overflow beyond : {overflow::saturate, overflow::special}) {
                const auto expected = expected_code<TestType>(at, beyond);
                wrong += TestType(from(pattern), rule, beyond).to_bits() != expected;
                const auto negative = TestType(from(pattern | 0x80000000u), rule, beyond).to_bits();
                wrong += negative != (expected | TestType::sign_bit);
            }
        }
    }
    CHECK(wrong == 0);
    wrong = 0;
    for (std::uint32_t pattern = 0x7f800001u; pattern < 0x80000000u; ++pattern) {
        for (const std::uint32_t sign : {0u, 0x80000000u}) {
            const TestType number(from(pattern | sign));
            const bool expected =
                TestType::max_code + 1 < TestType::sign_bit ? number.is_nan() : number.to_bits() == TestType::sign_bit;
            wrong += !expected;
        }
    }
    CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("golden decode and encode", "", float8_e4m3, float8_e5m2, float6_e3m2, float6_e2m3, float4_e2m1,
                   float8_e4m3_ieee, float8_e3m4_ieee) {
    const std::string name = std::is_same_v<TestType, float8_e4m3>        ? "e4m3fn"
                             : std::is_same_v<TestType, float8_e5m2>      ? "e5m2"
                             : std::is_same_v<TestType, float6_e3m2>      ? "e3m2fn"
                             : std::is_same_v<TestType, float6_e2m3>      ? "e2m3fn"
                             : std::is_same_v<TestType, float4_e2m1>      ? "e2m1fn"
                             : std::is_same_v<TestType, float8_e4m3_ieee> ? "e4m3_ieee"
                                                                          : "e3m4_ieee";
    const auto decoded = load<float>("formats/minifloat_decode_" + name + ".npy");
    REQUIRE(decoded.size() == 1 << TestType::bits);
    for (std::uint32_t code = 0; code < (1u << TestType::bits); ++code) {
        const auto number = TestType::from_bits(code);
        if (number.is_nan()) {
            CHECK(is_nan(decoded[code]));
        } else {
            CHECK(bits(static_cast<float>(number)) == bits(decoded[code]));
        }
    }
    const auto input = load<float>("formats/minifloat_encode_in.npy");
    const auto plainly = load<std::uint8_t>("formats/minifloat_encode_rne_" + name + ".npy");
    const auto saturated = load<std::uint8_t>("formats/minifloat_encode_rne_sat_" + name + ".npy");
    for (std::ptrdiff_t i = 0; i < input.size(); ++i) {
        INFO("input " << input[i] << " bits " << bits(input[i]));
        REQUIRE(TestType(input[i], ties::even, overflow::special).to_bits() == plainly[i]);
        REQUIRE(TestType(input[i]).to_bits() == saturated[i]);
    }
}

TEST_CASE("constants and constant expressions") {
    STATIC_REQUIRE(static_cast<float>(float8_e4m3::max()) == 448.0f);
    STATIC_REQUIRE(static_cast<float>(float8_e5m2::max()) == 57344.0f);
    STATIC_REQUIRE(static_cast<float>(float6_e3m2::max()) == 28.0f);
    STATIC_REQUIRE(static_cast<float>(float6_e2m3::max()) == 7.5f);
    STATIC_REQUIRE(static_cast<float>(float4_e2m1::max()) == 6.0f);
    STATIC_REQUIRE(static_cast<float>(float16::max()) == 65504.0f);
    STATIC_REQUIRE(static_cast<float>(float8_e4m3::min_normal()) == 0x1p-6f);
    STATIC_REQUIRE(static_cast<float>(float8_e4m3::min_subnormal()) == 0x1p-9f);
    STATIC_REQUIRE(static_cast<float>(float8_e5m2::min_subnormal()) == 0x1p-16f);
    STATIC_REQUIRE(static_cast<float>(float16::min_subnormal()) == 0x1p-24f);
    STATIC_REQUIRE(float8_e4m3::max_exponent == 8);
    STATIC_REQUIRE(float8_e5m2::max_exponent == 15);
    STATIC_REQUIRE(float6_e3m2::max_exponent == 4);
    STATIC_REQUIRE(float6_e2m3::max_exponent == 2);
    STATIC_REQUIRE(float4_e2m1::max_exponent == 2);
    STATIC_REQUIRE(minifloat_type<bfloat16>);
    STATIC_REQUIRE_FALSE(minifloat_type<float>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<float8_e4m3> && sizeof(float8_e4m3) == 1 && sizeof(float16) == 2);
}

TEST_CASE("infinity is not a finite overflow; NaN without a code is minus zero") {
    CHECK(float8_e5m2(INFINITY).to_bits() == 0x7c);
    CHECK(float16(-INFINITY).to_bits() == 0xfc00);
    CHECK(float16(1e6f).to_bits() == 0x7bff);
    CHECK(float16(1e6f, ties::even, overflow::special).to_bits() == 0x7c00);
    CHECK(float8_e4m3(INFINITY).is_nan());
    CHECK(float8_e4m3(from(0xffc00000u)).to_bits() == 0xff);
    CHECK(float4_e2m1(INFINITY).to_bits() == 0x7);
    CHECK(float4_e2m1(from(0x7fc00000u)).to_bits() == 0x8);
    CHECK(float8_e5m2(from(0x7f800001u)).to_bits() == 0x7e);  // a payload too small to store stays a NaN
}
