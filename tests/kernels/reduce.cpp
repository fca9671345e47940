// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reduce.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

using lowbit::extent;
using lowbit::find_extent;
using lowbit::find_nan;
using lowbit::find_not_finite;

TEST_CASE("extent: of all sizes, NaN skipped, on every instruction set") {
    const auto x = awkward_floats(1000, 1);
    for_each_isa([&] {
        for (std::ptrdiff_t n = 0; n <= 900; n += n < 200 ? 1 : 89) {
            const float* from = x.data() + n % 7;
            extent expected{3.0f, -2.0f};
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                if (lowbit::is_nan(from[i])) continue;
                expected.min = std::min(expected.min, from[i]);
                expected.max = std::max(expected.max, from[i]);
            }
            const extent found = find_extent(from, n, {3.0f, -2.0f});
            REQUIRE(found.min == expected.min);
            REQUIRE(found.max == expected.max);
        }
    });
}

TEST_CASE("extent: values that are all NaN change nothing") {
    const std::vector<float> x(200, NAN);
    for_each_isa([&] {
        const extent found = find_extent(x.data(), 200, {-1.0f, 2.0f});
        CHECK(found.min == -1.0f);
        CHECK(found.max == 2.0f);
    });
}

TEST_CASE("the largest magnitude: of all sizes, beyond all numbers where there is NaN or infinity") {
    for_each_isa([&] {
        for (std::ptrdiff_t n = 0; n <= 200; ++n) {
            auto x = awkward_floats(n, 5, 1.0f, false);
            float expected = 0;
            for (const float v : x) expected = std::max(expected, std::abs(v));
            REQUIRE(lowbit::find_magnitude(x.data(), n) == expected);
            if (n == 0) continue;
            const auto at = static_cast<std::size_t>(n / 2);
            x[at] = -INFINITY;
            REQUIRE(lowbit::find_magnitude(x.data(), n) == INFINITY);
            x[at] = std::bit_cast<float>(0xff800001u);
            REQUIRE(lowbit::is_nan(lowbit::find_magnitude(x.data(), n)));
        }
    });
}

TEST_CASE("the first NaN, wherever it is and whatever its bits; infinities are none") {
    for_each_isa([&] {
        for (const std::ptrdiff_t n : {0, 1, 15, 64, 65, 200}) {
            auto x = awkward_floats(n, 3, 1.0f, false);
            if (n > 0) x[0] = -INFINITY;
            REQUIRE(find_nan(x.data(), n) == n);
            for (std::ptrdiff_t at = n; at-- > 0;) {
                x[static_cast<std::size_t>(at)] = std::bit_cast<float>(at % 2 ? 0xff800001u : 0x7fffffffu);
                REQUIRE(find_nan(x.data(), n) == at);
                REQUIRE(find_not_finite(x.data(), n) == 0);  // the infinity
            }
        }
    });
}

TEST_CASE("the first value that is not finite, wherever it is") {
    for_each_isa([&] {
        for (const std::ptrdiff_t n : {0, 1, 15, 64, 65, 200}) {
            auto x = awkward_floats(n, 3, 1.0f, false);
            if (n > 0) x[0] = std::numeric_limits<float>::max();
            REQUIRE(find_not_finite(x.data(), n) == n);
            for (std::ptrdiff_t at = n; at-- > 0;) {
                x[static_cast<std::size_t>(at)] = at % 3 ? at % 2 ? INFINITY : -INFINITY : NAN;
                REQUIRE(find_not_finite(x.data(), n) == at);
            }
        }
    });
}
