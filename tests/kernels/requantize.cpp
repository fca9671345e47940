// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/requantize.hpp>
#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>

using lowbit::make_multiplier;
using lowbit::multiplier;
using lowbit::requant_rounding;
using lowbit::rescale;

constexpr std::int32_t int32_min = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t int32_max = std::numeric_limits<std::int32_t>::max();

TEST_CASE("worked example: 0.2 = 0.8 * 2^-2") {
    constexpr multiplier m = make_multiplier(0.2);
    static_assert(m == multiplier{1717986918, -2});
    CHECK(m.m0 / 2147483648.0 == Approx(0.8).epsilon(1e-9));
    static_assert(rescale(1000, m) == 200);
    static_assert(rescale(-1000, m) == -200);
}

TEST_CASE("every valid row of the golden file, bit for bit") {
    const auto rows = load_csv("requant/requant.csv");
    REQUIRE(rows.rows.size() == 14096);
    int checked_double = 0, checked_single = 0;
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
        const double factor = std::strtod(rows.at(i, "M").c_str(), nullptr);
        const auto acc = static_cast<std::int32_t>(rows.integer(i, "acc"));
        const multiplier m = make_multiplier(factor);
        INFO("row " << i << ": M = " << factor << ", acc = " << acc);
        CHECK(m == multiplier{static_cast<std::int32_t>(rows.integer(i, "mult")),
                              static_cast<int>(rows.integer(i, "shift"))});
        const std::int32_t single = rescale(acc, m), twice = rescale<requant_rounding::tflite_double>(acc, m);
        // Where the references overflow, the exact result saturated.
        const double exact = factor * acc;
        if (rows.integer(i, "single_valid")) {
            CHECK(single == rows.integer(i, "tflite_single"));
            ++checked_single;
        } else if (std::abs(exact) > 2147483648.0) {
            CHECK(single == (exact < 0 ? int32_min : int32_max));
        }
        if (rows.integer(i, "double_valid")) {
            CHECK(twice == rows.integer(i, "tflite_double"));
            ++checked_double;
        } else if (std::abs(exact) > 2147483648.0) {
            CHECK(twice == (exact < 0 ? int32_min : int32_max));
        }
    }
    CHECK(checked_single > 10000);
    CHECK(checked_double > 10000);
}

TEST_CASE("the double is taken apart correctly") {
    CHECK(make_multiplier(0.0) == multiplier{0, 0});
    CHECK(make_multiplier(-0.5) == multiplier{0, 0});
    CHECK(make_multiplier(std::nan("")) == multiplier{0, 0});
    CHECK(make_multiplier(INFINITY) == multiplier{0, 0});
    CHECK(make_multiplier(5e-324) == multiplier{0, 0});
    CHECK(make_multiplier(1.0) == multiplier{1 << 30, 1});
    CHECK(make_multiplier(std::nextafter(1.0, 0.0)) == multiplier{1 << 30, 1});
    CHECK(make_multiplier(std::ldexp(1.0, -32)) == multiplier{1 << 30, -31});
    CHECK(make_multiplier(std::ldexp(1.0, -33)) == multiplier{0, 0});
    CHECK(make_multiplier(std::ldexp(0.75, 1000)) == multiplier{3 << 29, 1000});
    for (int exponent = -31; exponent < 60; ++exponent) {
        for (const double fraction : {0.5, 0.500000001, 0.6180339887498949, 0.75, 0.9999999, 0.99999999999}) {
            int shift = 0;
            const double factor = std::ldexp(fraction, exponent);
            auto m0 = std::llround(std::frexp(factor, &shift) * 2147483648.0);
            if (m0 == 2147483648) m0 /= 2, ++shift;
            CHECK(make_multiplier(factor) == multiplier{static_cast<std::int32_t>(m0), shift});
        }
    }
}

TEST_CASE("rescale is defined for every shift") {
    for (int shift = -200; shift <= 200; ++shift) {
        const multiplier half{1 << 30, shift};
        for (const std::int32_t acc : {int32_min, int32_min + 1, -3, -1, 0, 1, 3, int32_max}) {
            const double exact = std::ldexp(double(acc), shift - 1);
            const double expected = std::clamp(std::floor(exact + 0.5), double(int32_min), double(int32_max));
            INFO(acc << " * 2^" << shift - 1);
            CHECK(rescale(acc, half) == std::int32_t(expected));
            CHECK(rescale(std::int64_t{acc}, half) == std::int32_t(expected));
            CHECK(rescale<requant_rounding::tflite_double>(acc, half) ==
                  rescale<requant_rounding::tflite_double>(std::int64_t{acc}, half));
            CHECK(std::abs(double(rescale<requant_rounding::tflite_double>(acc, half)) - expected) <= 1);
        }
    }
}

TEST_CASE("a 64-bit accumulator is rescaled exactly") {
    const multiplier m = make_multiplier(1e-9);
    CHECK(rescale(std::int64_t{1} << 40, m) == 1100);
    CHECK(rescale(-(std::int64_t{1} << 40), m) == -1100);
    CHECK(rescale(std::numeric_limits<std::int64_t>::max(), make_multiplier(1.0)) == int32_max);
    CHECK(rescale(std::numeric_limits<std::int64_t>::min(), make_multiplier(1.0)) == int32_min);
}

TEST_CASE("the output stage: bias, zero point, clamp, one or per channel") {
    const std::int32_t bias[] = {100, -100};
    const multiplier factors[] = {make_multiplier(0.5), make_multiplier(0.25)};
    const lowbit::code_range clamps[] = {{-10, 60}, {-100, 0}};
    lowbit::output_stage stage{.bias = bias, .multipliers = factors, .zero_point = 5};
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 10, 0) == 60);
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 10, 1) == -17);  // −22.5 rounds up to −22
    CHECK(lowbit::apply_stage<std::uint8_t>(stage, 10, 1) == 0);
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 100000, 0) == 127);
    stage.clamp = clamps;
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 100000, 0) == 60);
    CHECK(lowbit::apply_stage<std::int8_t>(stage, -100000, 0) == -10);
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 100000, 1) == 0);
    stage.multipliers = {factors, 1};
    CHECK(lowbit::apply_stage<std::int8_t>(stage, 10, 1) == -40);
    CHECK(lowbit::apply_stage<std::int32_t>(stage, std::int64_t{1} << 40, 0) == int32_max);
    const float scales[] = {0.5f};
    stage.scales = scales;
    CHECK(lowbit::apply_stage<float>(stage, 11, 0) == 55.5f);
}
