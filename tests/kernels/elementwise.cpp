// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/elementwise.hpp>
#include <tests/kernels/layers.hpp>

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

TEST_CASE("arrays: every instruction set gives the bits of the value functions") {
    layers::source random(2);
    for (const lowbit::isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        INFO(to_string(set));
        for (int trial = 0; trial < 60; ++trial) {
            const std::ptrdiff_t n = random.between(0, 300);
            const auto a = random.codes<std::int8_t>(n);
            const auto b = random.codes<std::uint8_t>(n);
            std::vector<std::int8_t> y(a.size() + 1, 55);
            std::vector<std::uint8_t> u(a.size() + 1, 55);
            const auto factor = [&] {
                const double spread =
                    random.chance(20) ? double(random.between(-4000, 2500)) : double(random.between(-400, 400));
                return random.chance(3) ? lowbit::multiplier{} : make_multiplier(std::exp2(spread / 100));
            };
            const lowbit::code_range clamp{random.int32(-150, 0), random.int32(0, 300)};
            const lowbit::add_stage sum{
                factor(), factor(), random.int32(-128, 127), random.int32(0, 255), random.int32(-128, 127), clamp};
            lowbit::add(n, a.data(), b.data(), sum, y.data());
            lowbit::add(n, b.data(), a.data(), sum, u.data());
            for (std::size_t i = 0; i < a.size(); ++i) {
                REQUIRE(int(y[i]) == int(lowbit::reference::add<std::int8_t>(sum, a[i], b[i])));
                REQUIRE(int(u[i]) == int(lowbit::reference::add<std::uint8_t>(sum, b[i], a[i])));
            }
            const lowbit::mul_stage product{factor(), random.int32(-128, 127), random.int32(0, 255),
                                            random.int32(-128, 127), clamp};
            lowbit::mul(n, a.data(), b.data(), product, y.data());
            for (std::size_t i = 0; i < a.size(); ++i)
                REQUIRE(int(y[i]) == int(lowbit::reference::mul<std::int8_t>(product, a[i], b[i])));
            const lowbit::rescale_stage moved{factor(), random.int32(-128, 127), random.int32(0, 255), clamp};
            lowbit::rescale_rows(1, n, a.data(), moved, u.data(), n);
            for (std::size_t i = 0; i < a.size(); ++i)
                REQUIRE(int(u[i]) == int(lowbit::reference::rescale_code<std::uint8_t>(moved, a[i])));
            CHECK(y.back() == 55);
            CHECK(u.back() == 55);
        }
    }
}

TEST_CASE("requantization alone") {
    layers::source random(4);
    for (const lowbit::isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        INFO(to_string(set));
        for (int trial = 0; trial < 100; ++trial) {
            const std::ptrdiff_t rows = random.between(0, 9), channels = random.between(1, 150);
            layers::stage stage(random, channels, random.between(1, 1000), std::int8_t{}, false, false);
            if (random.chance(60)) stage.view.bias = {};
            std::vector<std::int32_t> acc(static_cast<std::size_t>(rows * channels));
            for (auto& value : acc) {
                const std::int32_t most = random.chance(10) ? std::numeric_limits<std::int32_t>::max() : 200000;
                value = random.int32(-most - 1, most);
            }
            std::vector<std::int8_t> expected(acc.size()), y(acc.size());
            lowbit::reference::requantize(rows, channels, acc.data(), stage.view, expected.data());
            lowbit::requantize(rows, channels, acc.data(), stage.view, y.data());
            REQUIRE(y == expected);
            std::vector<std::uint8_t> expected_u(acc.size()), u(acc.size());
            stage.view.zero_point += 128;
            lowbit::reference::requantize(rows, channels, acc.data(), stage.view, expected_u.data());
            lowbit::requantize(rows, channels, acc.data(), stage.view, u.data());
            REQUIRE(u == expected_u);
        }
    }
}

TEST_CASE("requantization of all of int32 at every shift") {
    std::vector<std::int32_t> acc;
    for (int bit = 0; bit < 31; ++bit) {
        for (const std::int32_t near : {-1, 0, 1, 12345}) {
            acc.push_back((1 << bit) + near % (1 << bit));
            acc.push_back(-acc.back() - 1);
        }
    }
    acc.insert(acc.end(), {0, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()});
    const auto count = static_cast<std::ptrdiff_t>(acc.size());
    for (int shift = -34; shift <= 14; ++shift) {
        for (const std::int32_t m0 : {1 << 30, 1518500250, std::numeric_limits<std::int32_t>::max()}) {
            const std::vector<lowbit::multiplier> factor{{m0, shift}};
            for (const std::int32_t zero : {-128, 0, 127}) {
                for (const auto rounding :
                     {lowbit::requant_rounding::single, lowbit::requant_rounding::tflite_double}) {
                    const lowbit::output_stage stage{.multipliers = factor, .zero_point = zero, .rounding = rounding};
                    std::vector<std::int8_t> expected(acc.size()), y(acc.size());
                    lowbit::reference::requantize(count, 1, acc.data(), stage, expected.data());
                    for (const lowbit::isa set : layers::supported()) {
                        const layers::forced_isa forced(set);
                        lowbit::requantize(count, 1, acc.data(), stage, y.data());
                        INFO(to_string(set) << ", m0 " << m0 << ", shift " << shift << ", zero point " << zero);
                        REQUIRE(y == expected);
                    }
                }
            }
        }
    }
}

TEST_CASE("concatenation by strided rows; tables") {
    layers::source random(3);
    const auto a = random.codes<std::int8_t>(1000);
    std::vector<std::int8_t> two(2000, 55);
    const lowbit::rescale_stage moved{make_multiplier(0.5), 0, 1, {}};
    lowbit::rescale_rows(100, 10, a.data(), moved, two.data(), 20);
    for (std::size_t i = 0; i < 2000; ++i)
        REQUIRE(int(two[i]) ==
                (i % 20 < 10 ? lowbit::reference::rescale_code<std::int8_t>(moved, a[i / 20 * 10 + i % 20]) : 55));

    const auto table = random.codes<std::int8_t>(256);
    for (const lowbit::isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        INFO(to_string(set));
        for (const std::ptrdiff_t n : {0, 31, 64, 999}) {
            std::vector<std::int8_t> in_place(a);
            lowbit::apply_table(n, in_place.data(), table.data(), in_place.data());
            for (std::size_t i = 0; i < 1000; ++i) {
                const auto byte = static_cast<std::uint8_t>(a[i]);
                REQUIRE(in_place[i] == (static_cast<std::ptrdiff_t>(i) < n ? table[byte] : a[i]));
            }
        }
    }
}
