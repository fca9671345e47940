// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/e8m0.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using namespace lowbit;

TEST_CASE("every code is a power of two, 255 is NaN") {
    for (int code = 0; code < 255; ++code) {
        const auto scale = e8m0::from_bits(static_cast<std::uint8_t>(code));
        CHECK(static_cast<float>(scale) == std::ldexp(1.0f, code - 127));
        CHECK(scale.exponent() == code - 127);
        CHECK(e8m0::from_exponent(scale.exponent()) == scale);
        CHECK_FALSE(scale.is_nan());
    }
    CHECK(e8m0::from_bits(255) == e8m0::nan());
    CHECK(e8m0::nan().is_nan());
    CHECK(is_nan(static_cast<float>(e8m0::nan())));
}

TEST_CASE("exponents are clamped") {
    STATIC_REQUIRE(e8m0::from_exponent(-1000).to_bits() == 0);
    STATIC_REQUIRE(e8m0::from_exponent(1000).to_bits() == 254);
    STATIC_REQUIRE(e8m0().to_bits() == 0);
}
