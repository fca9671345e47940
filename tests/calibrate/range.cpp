// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/range.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

using lowbit::range;

TEST_CASE("ranges merge, widen to zero and know their larger magnitude") {
    CHECK(lowbit::merged({-1, 2}, {-3, 1}) == range{-3, 2});
    CHECK(lowbit::with_zero({2, 3}) == range{0, 3});
    CHECK(lowbit::with_zero({-3, -2}) == range{-3, 0});
    CHECK(lowbit::amax({-3, 2}) == 3);
    CHECK(lowbit::amax({-1, 2}) == 2);
}

TEST_CASE("finite_range finds the extremes wherever they are, for every length") {
    for (std::size_t n = 1; n < 70; ++n) {
        for (std::size_t at = 0; at < n; ++at) {
            std::vector<float> values(n, 0.5f);
            values[at] = -2;
            values[(at + 1) % n] = n == 1 ? -2.0f : 7.0f;
            REQUIRE(lowbit::finite_range(values, "x") == range{-2, n == 1 ? -2.0f : 7.0f});
        }
    }
}

TEST_CASE("a negative zero never shows") {
    const std::vector<float> first{-0.0f, 0.0f}, second{0.0f, -0.0f};
    for (const auto& values : {first, second}) {
        const range found = lowbit::finite_range(values, "x");
        CHECK(!std::signbit(found.min));
        CHECK(!std::signbit(found.max));
    }
}

TEST_CASE("what is not finite is refused with its index") {
    std::vector<float> values(40, 1.0f);
    values[33] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(lowbit::finite_range(values, "batch"),
                      Catch::Contains("batch") && Catch::Contains("index 33") && Catch::Contains("NaN"));
    values[33] = -std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(lowbit::finite_range(values, "batch"),
                      Catch::Contains("index 33") && Catch::Contains("infinite"));
    CHECK_THROWS_WITH(lowbit::finite_range({}, "batch"), Catch::Contains("no values"));
}
