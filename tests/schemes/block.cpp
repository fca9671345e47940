// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/block.hpp>

#include <catch2/catch.hpp>

#include <numeric>
#include <vector>

using namespace lowbit;

TEST_CASE("a shape as lines of blocks") {
    const block_lines last({4, 5, 70}, -1, 32);
    CHECK(last.lines == 20);
    CHECK(last.length == 70);
    CHECK(last.per_line() == 3);
    CHECK(last.count() == 60);
    CHECK(block_lines({4, 5, 70}, 1, 32).lines == 280);
    CHECK(block_lines({4, 0}, -1, 32).count() == 0);
    CHECK(block_lines({}, -1, 32).count() == 1);
    CHECK_THROWS_WITH(block_lines({4}, 1, 32), Catch::Contains("axis 1"));
    CHECK_THROWS_WITH(block_lines({4}, 0, 0), Catch::Contains("block size is 0"));
}

TEST_CASE("an axis is moved to the end and back") {
    const tensor_shape shape{2, 3, 4};
    std::vector<int> x(24), moved(24), back(24);
    std::iota(x.begin(), x.end(), 0);
    for (const int axis : {0, 1, 2}) {
        detail::move_axis(x.data(), shape, axis, false, moved.data());
        detail::move_axis(moved.data(), shape, axis, true, back.data());
        CHECK(back == x);
    }
    detail::move_axis(x.data(), shape, 1, false, moved.data());
    CHECK(std::vector<int>(moved.begin(), moved.begin() + 6) == std::vector<int>{0, 4, 8, 1, 5, 9});
}

TEST_CASE("runs cover every value once and end where blocks end") {
    for (const std::ptrdiff_t block : {1, 16, 32, 100, 5000}) {
        for (const tensor_shape& shape : {tensor_shape{7, 33}, {64, 3200}, {1, 100001}, {20000}, {3, 5, 32}, {0}}) {
            const block_lines lines(shape, -1, block);
            const detail::block_runs runs(lines, shape.size());
            if (shape.size() == 0) {
                CHECK(runs.count() == 0);
                continue;
            }
            CHECK((runs.count() - 1) * runs.values < shape.size());
            CHECK(runs.count() * runs.values >= shape.size());
            CHECK((runs.values % block == 0 || runs.values == lines.length || runs.values == shape.size()));
        }
    }
}

TEST_CASE("streams of odd bits are written and read in place") {
    const block_lines lines({21, 7}, -1, 4);
    const detail::block_runs runs(lines, 147);
    REQUIRE(runs.values == 7);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(packed_bytes(147, 3)));
    const detail::block_streams<1, std::uint8_t> to{{codes.data()}, {7 * 3}};
    detail::for_each_run(runs, to, {}, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        code_writer out(at[0], 3);
        for (std::ptrdiff_t i = 0; i < n; ++i) out.put(static_cast<std::uint32_t>((first + i) % 8));
        out.finish();
    });
    for (std::ptrdiff_t i = 0; i < 147; ++i) CHECK(packed_code<std::uint32_t>(codes.data(), i, 3) == i % 8);
    const detail::block_streams<1, const std::uint8_t> from{{codes.data()}, {7 * 3}};
    detail::for_each_run(runs, from, {}, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        code_reader in(at[0], 3);
        for (std::ptrdiff_t i = 0; i < n; ++i) CHECK(in.next() == (first + i) % 8);
    });
}
