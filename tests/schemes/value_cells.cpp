// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/value_cells.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <vector>

using lowbit::detail::value_cells;

TEST_CASE("value_cells: monotone and bounded") {
    std::mt19937 random(5);
    for (const auto& [centre, offset, largest] :
         {std::tuple{0.0f, 0.1f, 6.0f}, {1000.0f, 0.01f, 50.0f}, {-3.5f, 1e-6f, 1e6f}, {1e-30f, 1e-31f, 1e-29f}}) {
        for (const int bits : {0, 6, 13}) {
            const value_cells cells(centre, offset, largest, bits);
            std::vector<float> values{centre, -largest + centre, largest + centre};
            for (int i = 0; i < 3000; ++i) {
                const float y = std::uniform_real_distribution<float>(-1, 1)(random);
                values.push_back(centre + largest * y);
                values.push_back(centre + largest * y * y * y * y * y);
            }
            std::sort(values.begin(), values.end());
            std::int32_t before = 0;
            for (const float x : values) {
                const std::int32_t cell = cells(x);
                REQUIRE(cell >= before);
                REQUIRE(cell < cells.count());
                before = cell;
            }
        }
    }
}

TEST_CASE("value_cells: zeros share a cell, infinities end in the outermost ones") {
    constexpr float inf = std::numeric_limits<float>::infinity();
    for (const float centre : {0.0f, -0.0f, 1.0f}) {
        const value_cells cells(centre, 0.1f, 6.0f, 8);
        CHECK(cells(0.0f) == cells(-0.0f));
        CHECK(cells(inf) == cells.count() - 1);
        CHECK(cells(-inf) == 0);
    }
    const value_cells one;
    CHECK(one.count() == 2);
    CHECK(one(-1.0f) == 0);
    CHECK(one(1.0f) == 1);
}
