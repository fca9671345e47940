// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/error.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>

TEST_CASE("fail joins its parts to the message of an error") {
    CHECK_THROWS_AS(lowbit::fail("x"), lowbit::error);
    CHECK_THROWS_AS(lowbit::fail("x"), std::runtime_error);
    CHECK_THROWS_WITH(lowbit::fail("group ", 3, " of ", std::string("conv1"), ": scale ", 0.5f, " at byte ",
                                   std::int64_t{-1}, ", signed ", true, "/", false),
                      "group 3 of conv1: scale 0.5 at byte -1, signed true/false");
}

TEST_CASE("numbers are printed so that they read back the same") {
    CHECK_THROWS_WITH(lowbit::fail(0.1f), "0.1");
    CHECK_THROWS_WITH(lowbit::fail(0.1), "0.1");
    CHECK_THROWS_WITH(lowbit::fail(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    CHECK_THROWS_WITH(lowbit::fail(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    CHECK_THROWS_WITH(lowbit::fail(std::numeric_limits<double>::denorm_min()), "5e-324");
    CHECK_THROWS_WITH(lowbit::fail(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
}

TEST_CASE("check is silent while its condition holds") {
    CHECK_NOTHROW(lowbit::check(true, "never ", 1));
    CHECK_THROWS_WITH(lowbit::check(false, "axis ", 2), "axis 2");
}
