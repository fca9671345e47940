// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/quantize.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>
#include <cstring>

using lowbit::affine_grid;
using lowbit::caching;
using lowbit::dequantize_affine;
using lowbit::quantize_affine;
using lowbit::ties;

TEST_CASE("the code of a value: multiply, round, add Z, clamp") {
    const affine_grid even{.inverse_scale = 2.0f, .zero_point = 3, .lowest = -128, .highest = 127};
    affine_grid away = even;
    away.rule = ties::away;
    CHECK(lowbit::quantize_value(0.25f, even) == 3);
    CHECK(lowbit::quantize_value(0.75f, even) == 5);
    CHECK(lowbit::quantize_value(0.25f, away) == 4);
    CHECK(lowbit::quantize_value(-0.25f, away) == 2);
    CHECK(lowbit::quantize_value(INFINITY, even) == 127);
    CHECK(lowbit::quantize_value(-INFINITY, even) == -128);
    CHECK(lowbit::quantize_value(1e38f, even) == 127);
    CHECK(lowbit::quantize_value(NAN, even) == 3);
    CHECK(lowbit::dequantize_value(5, 0.5f, 3) == 1.0f);
}

TEMPLATE_TEST_CASE("quantize: every instruction set gives the scalar codes and touches nothing else", "", std::int8_t,
                   std::uint8_t, std::int16_t, std::uint16_t, std::int32_t) {
    using code = TestType;
    const bool is_signed = std::is_signed_v<code>;
    std::vector<affine_grid> grids;
    for (const int bits : {2, 4, 7, 8, 16}) {
        if (bits > static_cast<int>(8 * sizeof(code))) continue;
        const int lowest = is_signed ? -(1 << (bits - 1)) : 0, highest = lowest + (1 << bits) - 1;
        for (const int zero : {lowest, (lowest + highest) / 2, highest}) {
            for (const float inverse : {1.0f, 0.037f, 0x1p126f, 2e-38f}) {
                for (const ties rule : {ties::even, ties::away})
                    grids.push_back({inverse, zero, lowest, highest, rule});
            }
        }
        if (is_signed) grids.push_back({.inverse_scale = 1.0f, .lowest = lowest + 1, .highest = highest});
    }
    const std::ptrdiff_t longest = 700;
    for (std::size_t g = 0; g < grids.size(); ++g) {
        const float unit = 1.0f / grids[g].inverse_scale;
        const auto x = awkward_floats(longest, static_cast<std::uint32_t>(g), unit, g % 2 == 0);
        std::vector<code> expected(x.size());
        lowbit::detail::scalar::quantize_affine(x.data(), longest, grids[g], expected.data());
        for_each_isa([&] {
            for (std::ptrdiff_t n = 0; n <= longest; n += n < 200 ? 1 : 167) {
                const std::ptrdiff_t first = n % 3;  // not aligned
                if (first + n > longest) continue;
                std::vector<code> codes(static_cast<std::size_t>(n + 2), code{77});
                quantize_affine(x.data() + first, n, grids[g], codes.data() + 1,
                                n % 2 ? caching::bypass : caching::keep);
                REQUIRE(codes.front() == 77);
                REQUIRE(codes.back() == 77);
                REQUIRE(std::equal(codes.begin() + 1, codes.end() - 1, expected.begin() + first));
            }
        });
    }
}

TEST_CASE("quantize past the caches, aligned") {
    alignas(64) std::int8_t codes[512];
    const auto x = awkward_floats(512, 5);
    std::int8_t expected[512];
    const affine_grid grid{.inverse_scale = 0.9f};
    lowbit::detail::scalar::quantize_affine(x.data(), 512, grid, expected);
    for_each_isa([&] {
        std::memset(codes, 0, sizeof codes);
        quantize_affine(x.data(), 512, grid, codes, caching::bypass);
        lowbit::finish_stores(caching::bypass);
        CHECK(std::memcmp(codes, expected, sizeof codes) == 0);
    });
}

TEST_CASE("rounding half away, where adding a half would be wrong") {
    const float x[] = {0.49999997f, -0.49999997f, 0.5f,        1.5f,        2.5f, -2.5f, 8388607.5f, 8388609.0f,
                       -8388609.0f, 4194304.5f,   4194303.25f, 16777215.0f, 1e9f, -1e9f, 0.0f,       -0.0f};
    std::int32_t expected[16], codes[16];
    const affine_grid grid{.inverse_scale = 1, .lowest = -(1 << 30), .highest = 1 << 30, .rule = ties::away};
    for (int i = 0; i < 16; ++i) expected[i] = static_cast<std::int32_t>(std::lround(x[i]));
    for_each_isa([&] {
        quantize_affine(x, 16, grid, codes);
        CHECK(std::equal(codes, codes + 16, expected));
    });
}

TEMPLATE_TEST_CASE("dequantize: every instruction set gives the scalar values", "", std::int8_t, std::uint8_t,
                   std::int16_t, std::uint16_t, std::int32_t) {
    using code = TestType;
    const std::ptrdiff_t longest = 700;
    random_bits random(9);
    std::vector<code> codes(static_cast<std::size_t>(longest));
    for (code& q : codes) q = static_cast<code>(static_cast<std::int16_t>(random()));
    for (const float scale : {1.0f, 0.013f, 1e-38f}) {
        const std::int32_t zero = scale == 1.0f ? 0 : 17;
        std::vector<float> expected(codes.size());
        lowbit::detail::scalar::dequantize_affine(codes.data(), longest, scale, zero, expected.data());
        for_each_isa([&] {
            for (std::ptrdiff_t n = 0; n <= longest; n += n < 200 ? 1 : 167) {
                const std::ptrdiff_t first = n % 5;
                if (first + n > longest) continue;
                alignas(64) float out[701];
                std::memset(out, 0x55, sizeof out);
                const caching how = n % 2 ? caching::bypass : caching::keep;
                float* to = out + (n % 4 == 1 ? 0 : 1);  // the first is aligned, and goes past the caches
                dequantize_affine(codes.data() + first, n, scale, zero, to, how);
                lowbit::finish_stores(how);
                REQUIRE(std::memcmp(to, expected.data() + first, static_cast<std::size_t>(n) * 4) == 0);
                REQUIRE(std::bit_cast<std::uint32_t>(out[700]) ==
                        (to + n > out + 700 ? std::bit_cast<std::uint32_t>(expected[699]) : 0x55555555u));
            }
        });
    }
}
