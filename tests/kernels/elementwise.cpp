// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/elementwise.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

using lowbit::make_multiplier;

namespace {

double real(lowbit::multiplier m) { return std::ldexp(double(m.m0), m.shift - 31); }

template <class Y>
double code(double value, lowbit::code_range clamp = {}) {
    return std::clamp(std::clamp(value, double(clamp.lowest), double(clamp.highest)),
                      double(std::numeric_limits<Y>::min()), double(std::numeric_limits<Y>::max()));
}

}  // namespace

TEST_CASE("add: exact sum, one rounding, ties up") {
    // Factors with short mantissas, so that float64 is exact.
    const double factors[] = {0, 0.25, 0.5, 0.75, 1, 1.5, 3, 100, 1.0 / 1024, 1.0 / 65536};
    for (const double fa : factors)
        for (const double fb : factors) {
            const lowbit::add_stage stage{make_multiplier(fa), make_multiplier(fb), -5, 130, 3, {-100, 90}};
            for (int a = -128; a < 128; a += 3)
                for (int b = 0; b < 256; b += 5) {
                    const double exact = (a + 5) * fa + (b - 130) * fb;
                    REQUIRE(double(lowbit::reference::add<std::int8_t>(stage, std::int8_t(a), std::uint8_t(b))) ==
                            code<std::int8_t>(std::floor(exact + 0.5) + 3, {-100, 90}));
                }
        }
}

TEST_CASE("add: any two factors, within the one rounding") {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> exponent(-40, 12);
    for (int i = 0; i < 3000; ++i) {
        const lowbit::multiplier ma = make_multiplier(std::exp2(exponent(random))),
                                 mb = make_multiplier(std::exp2(exponent(random)));
        const lowbit::add_stage stage{ma, mb, 0, 0, 0, {}};
        for (const int a : {-128, -3, 0, 1, 127})
            for (const int b : {-127, -1, 0, 5, 100}) {
                const double exact = a * real(ma) + b * real(mb);
                const double got = lowbit::reference::add<std::int8_t>(stage, std::int8_t(a), std::int8_t(b));
                REQUIRE(std::abs(got - code<std::int8_t>(exact)) <= 0.5 + 1e-6);
            }
    }
}

TEST_CASE("mul and rescale") {
    const double factors[] = {0, 1.0 / 512, 0.25, 0.5, 1, 3, 1e9};
    for (const double f : factors) {
        const lowbit::mul_stage product{make_multiplier(f), 7, -2, 100, {0, 200}};
        const lowbit::rescale_stage moved{make_multiplier(f), 9, -4, {}};
        for (int a = -128; a < 128; ++a) {
            CHECK(double(lowbit::reference::rescale_code<std::int8_t>(moved, std::int8_t(a))) ==
                  code<std::int8_t>(std::floor((a - 9) * f + 0.5) - 4));
            for (int b = -128; b < 128; b += 7)
                REQUIRE(double(lowbit::reference::mul<std::uint8_t>(product, std::int8_t(a), std::int8_t(b))) ==
                        code<std::uint8_t>(std::floor((a - 7) * (b + 2) * f + 0.5) + 100, {0, 200}));
        }
    }
}

TEST_CASE("arrays: the value functions element by element; concatenation by strided rows; tables") {
    std::vector<std::int8_t> a(1000), b(1000), y(1000), two(2000, 55);
    std::mt19937 random(2);
    for (auto* values : {&a, &b})
        for (auto& value : *values) value = static_cast<std::int8_t>(random());
    const lowbit::add_stage sum{make_multiplier(0.7), make_multiplier(1.3), 3, -7, 11, {}};
    lowbit::add(1000, a.data(), b.data(), sum, y.data());
    for (std::size_t i = 0; i < 1000; ++i) REQUIRE(y[i] == lowbit::reference::add<std::int8_t>(sum, a[i], b[i]));
    const lowbit::mul_stage product{make_multiplier(0.01), 3, -7, 11, {}};
    lowbit::mul(1000, a.data(), b.data(), product, y.data());
    for (std::size_t i = 0; i < 1000; ++i) REQUIRE(y[i] == lowbit::reference::mul<std::int8_t>(product, a[i], b[i]));

    const lowbit::rescale_stage moved{make_multiplier(0.5), 0, 1, {}};
    lowbit::rescale_rows(100, 10, a.data(), moved, two.data(), 20);
    for (std::size_t i = 0; i < 2000; ++i)
        REQUIRE(int(two[i]) ==
                (i % 20 < 10 ? lowbit::reference::rescale_code<std::int8_t>(moved, a[i / 20 * 10 + i % 20]) : 55));

    std::int8_t table[256];
    for (int i = 0; i < 256; ++i) table[i] = static_cast<std::int8_t>(std::max(0, int(static_cast<std::int8_t>(i))));
    lowbit::apply_table(1000, a.data(), table, y.data());
    for (std::size_t i = 0; i < 1000; ++i) REQUIRE(int(y[i]) == std::max(0, int(a[i])));
}
