// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/numeric.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

using lowbit::ties;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN();
constexpr float smallest_subnormal = std::numeric_limits<float>::denorm_min();

}  // namespace

TEST_CASE("round_to_integer: halves go to the even neighbour or away from zero") {
    const float halves[] = {-3.5f, -2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 3.5f};
    const float even[] = {-4, -2, -2, -0.0f, 0, 2, 2, 4};
    const float away[] = {-4, -3, -2, -1, 1, 2, 3, 4};
    for (int i = 0; i < 8; ++i) {
        CHECK(lowbit::round_to_integer(halves[i]) == even[i]);
        CHECK(lowbit::round_to_integer(halves[i], ties::away) == away[i]);
    }
}

TEST_CASE("round_to_integer: both rules agree next to a tie, on large numbers and on non-finite ones") {
    for (const ties rule : {ties::even, ties::away}) {
        CHECK(lowbit::round_to_integer(std::nextafter(0.5f, 0.0f), rule) == 0.0f);
        CHECK(lowbit::round_to_integer(std::nextafter(0.5f, 1.0f), rule) == 1.0f);
        CHECK(lowbit::round_to_integer(8388609.0f, rule) == 8388609.0f);
        CHECK(lowbit::round_to_integer(-infinity, rule) == -infinity);
        CHECK(lowbit::is_nan(lowbit::round_to_integer(quiet_nan, rule)));
    }
}

TEST_CASE("is_nan and is_finite read the bits") {
    CHECK(lowbit::is_nan(quiet_nan));
    CHECK(lowbit::is_nan(-quiet_nan));
    CHECK(lowbit::is_nan(std::bit_cast<float>(0x7f800001u)));
    for (const float x : {0.0f, -0.0f, 1.0f, infinity, -infinity, smallest_subnormal}) CHECK_FALSE(lowbit::is_nan(x));

    for (const float x : {0.0f, -1.0f, std::numeric_limits<float>::max(), smallest_subnormal}) {
        CHECK(lowbit::is_finite(x));
        CHECK(lowbit::is_finite(double{x}));
    }
    for (const float x : {infinity, -infinity, quiet_nan}) {
        CHECK_FALSE(lowbit::is_finite(x));
        CHECK_FALSE(lowbit::is_finite(double{x}));
    }
}

TEST_CASE("floor_log2 holds at every power of two, one step to either side, and on subnormals") {
    for (int exponent = -149; exponent <= 127; ++exponent) {
        const float power = std::ldexp(1.0f, exponent);
        CAPTURE(exponent);
        CHECK(lowbit::floor_log2(power) == exponent);
        CHECK(lowbit::floor_log2(-power) == exponent);
        if (exponent > -149) CHECK(lowbit::floor_log2(std::nextafter(power, 0.0f)) == exponent - 1);
        if (exponent > -149) CHECK(lowbit::floor_log2(std::nextafter(power, infinity)) == exponent);
    }
    static_assert(lowbit::floor_log2(6.0f) == 2);
}

TEST_CASE("ceil_div") {
    static_assert(lowbit::ceil_div(0, 4) == 0);
    static_assert(lowbit::ceil_div(1, 4) == 1);
    static_assert(lowbit::ceil_div(4, 4) == 1);
    static_assert(lowbit::ceil_div(5, 4) == 2);
    CHECK(lowbit::ceil_div<std::int64_t>(4'000'000'001, 2) == 2'000'000'001);
}

TEST_CASE("checked arithmetic gives the exact result or names what overflowed") {
    const std::int32_t largest = std::numeric_limits<std::int32_t>::max();
    CHECK(lowbit::checked_multiply(46340, 46340, "area") == 2147395600);
    CHECK(lowbit::checked_add(largest - 1, 1, "sum") == largest);
    CHECK_THROWS_WITH(lowbit::checked_multiply(65536, 32768, "area"), "area: 65536 x 32768 does not fit in 32 bits");
    CHECK_THROWS_WITH(lowbit::checked_add(largest, 1, "sum"), "sum: 2147483647 + 1 does not fit in 32 bits");
    CHECK_THROWS_AS(lowbit::checked_add(std::numeric_limits<std::int32_t>::min(), -1, "sum"), lowbit::error);
}

TEST_CASE("saturate stops at the ends of the narrow type") {
    static_assert(lowbit::saturate<std::int8_t>(127) == 127);
    static_assert(lowbit::saturate<std::int8_t>(128) == 127);
    static_assert(lowbit::saturate<std::int8_t>(-128) == -128);
    static_assert(lowbit::saturate<std::int8_t>(-129) == -128);
    static_assert(lowbit::saturate<std::uint8_t>(-1) == 0);
    static_assert(lowbit::saturate<std::uint8_t>(256) == 255);
    CHECK(lowbit::saturate<std::int32_t>(std::numeric_limits<std::int64_t>::max()) == 2147483647);
    CHECK(lowbit::saturate<std::int32_t>(std::numeric_limits<std::int64_t>::min()) == -2147483647 - 1);
}

using lowbit::is_nan, lowbit::opaque, lowbit::quotient, lowbit::times_power_of_two;

TEST_CASE("times_power_of_two is ldexp, rounded once, without floating point") {
    const float values[] = {1.0f,      1.5f,      -1.25f,       0x1.fffffep0f,   0x1.000002p0f,
                            0x1p-126f, 0x1p-149f, -0x1.8p-140f, 0x1.fffffep127f, 0.0f};
    for (const float x : values) {
        for (int n = -300; n <= 300; ++n) {
            CAPTURE(x, n);
            CHECK(std::bit_cast<std::uint32_t>(times_power_of_two(x, n)) ==
                  std::bit_cast<std::uint32_t>(std::ldexp(x, n)));
        }
    }
    CHECK(times_power_of_two(INFINITY, -5) == INFINITY);
    CHECK(is_nan(times_power_of_two(std::numeric_limits<float>::quiet_NaN(), 3)));
    CHECK(times_power_of_two(1.0f, std::numeric_limits<int>::min()) == 0.0f);
    CHECK(times_power_of_two(-1.0f, std::numeric_limits<int>::max()) == -INFINITY);
    STATIC_REQUIRE(times_power_of_two(3.0f, -1) == 1.5f);
}

TEST_CASE("opaque and quotient change nothing but the optimizer's view") {
    CHECK(opaque(1.25f) == 1.25f);
    CHECK(opaque(-0x1p-1074) == -0x1p-1074);
    CHECK(quotient(1.0f, 3.0f) == 0x1.555556p-2f);
    CHECK(quotient(1.0, 3.0) == 0x1.5555555555555p-2);
}

TEST_CASE("is_zero knows both zeros and nothing else") {
    STATIC_REQUIRE(lowbit::is_zero(0.0f));
    STATIC_REQUIRE(lowbit::is_zero(-0.0f));
    CHECK_FALSE(lowbit::is_zero(0x1p-149f));
    CHECK_FALSE(lowbit::is_zero(std::numeric_limits<float>::quiet_NaN()));
}
