// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/hadamard.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

using lowbit::hadamard_rotation;

namespace {

/// The definition, code by code: the matrix written out, sums in 64 bits.
template <class X, class Y>
void compare_with_matrix(std::ptrdiff_t rows, std::ptrdiff_t columns, const hadamard_rotation& rotation) {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> codes(std::numeric_limits<X>::min(), std::numeric_limits<X>::max());
    std::vector<X> x(static_cast<std::size_t>(rows * columns));
    for (X& code : x) code = static_cast<X>(codes(random));
    const std::ptrdiff_t block = rotation.block_of(columns);
    const lowbit::rescale_stage stage{
        lowbit::make_multiplier(0.9 / std::sqrt(static_cast<double>(block))), 5, 3, {-100, 120}};
    std::vector<Y> y(x.size());
    lowbit::hadamard(rows, columns, x.data(), rotation, stage, y.data());
    for (std::ptrdiff_t i = 0; i < rows * columns; ++i) {
        const std::ptrdiff_t column = i % columns, first = i - column % block;
        std::int64_t sum = 0;
        for (std::ptrdiff_t j = 0; j < block; ++j) {
            const bool odd = std::popcount(static_cast<std::size_t>((column % block) & j)) % 2 != 0;
            const bool minus = odd != rotation.negates((first + j) % columns);
            const std::int64_t value = x[static_cast<std::size_t>(first + j)] - 5;
            sum += minus ? -value : value;
        }
        const auto expected = std::int64_t{lowbit::rescale(sum, stage.factor)} + 3;
        const std::int64_t lowest = std::max<std::int64_t>(-100, std::numeric_limits<Y>::min());
        REQUIRE(y[static_cast<std::size_t>(i)] == std::clamp<std::int64_t>(expected, lowest, 120));
    }
}

}  // namespace

TEST_CASE("codes are rotated as the matrix says, to the bit") {
    const hadamard_rotation rotation =
        GENERATE(hadamard_rotation{}, hadamard_rotation{.seed = 3}, hadamard_rotation{.block = 2, .seed = 1},
                 hadamard_rotation{.block = 1});
    for (const std::ptrdiff_t columns : {2, 12, 64, 96}) {
        compare_with_matrix<std::int8_t, std::int8_t>(3, columns, rotation);
        compare_with_matrix<std::uint8_t, std::uint8_t>(2, columns, rotation);
    }
    compare_with_matrix<std::int8_t, std::int8_t>(2, lowbit::longest_hadamard_block, {.seed = 9});
}

TEST_CASE("in place; which columns a rotation fits") {
    const lowbit::rescale_stage stage{lowbit::make_multiplier(0.5), 0, 0, {}};
    std::int8_t codes[] = {4, 2, 6, 8};
    lowbit::hadamard(1, 4, codes, {}, stage, codes);
    CHECK(std::vector<int>(codes, codes + 4) == std::vector<int>{10, 0, -4, 2});
    CHECK(hadamard_rotation{}.fits(7));  // blocks of 1
    CHECK(hadamard_rotation{}.block_of(96) == 32);
    CHECK_FALSE(hadamard_rotation{}.fits(0));
    CHECK_FALSE(hadamard_rotation{.block = 24}.fits(96));
    CHECK_FALSE(hadamard_rotation{.block = 64}.fits(96));
    CHECK_FALSE(hadamard_rotation{.block = -2}.fits(96));
    int negated = 0;
    for (std::ptrdiff_t i = 0; i < 1000; ++i) negated += hadamard_rotation{.seed = 1}.negates(i);
    CHECK(std::abs(negated - 500) < 60);
    CHECK_FALSE(hadamard_rotation{}.negates(3));
}
