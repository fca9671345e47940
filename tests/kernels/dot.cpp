// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/dot.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace lowbit;

TEST_CASE("float dot products: 32 sums, folded by halves") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const std::ptrdiff_t n : {0, 1, 31, 32, 33, 100, 2048}) {
        double sums[32] = {}, plain = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const double product = static_cast<double>(x[i]) * static_cast<double>(x[2048 + i]);
            sums[i % 32] += product;
            plain += product;
        }
        for (int half = 16; half > 0; half /= 2) {
            for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
        }
        CHECK(dot(x.data(), x.data() + 2048, n) == sums[0]);
        CHECK(dot(x.data(), x.data() + 2048, n) == Approx(plain).margin(1e-12));
    }
}

TEST_CASE("golden: VS-Quant's integer dot product, exact") {
    const auto qa = load<int>("formats/own_vsq_dot_N4_M4.qa.npy"), qw = load<int>("formats/own_vsq_dot_N4_M4.qw.npy");
    const auto sa = load<int>("formats/own_vsq_dot_N4_M4.sa.npy"), sw = load<int>("formats/own_vsq_dot_N4_M4.sw.npy");
    const auto dots = load<std::int64_t>("formats/own_vsq_dot_N4_M4.dots.npy");
    const auto sums = load<std::int64_t>("formats/own_vsq_dot_N4_M4.acc.npy");
    const auto ga = load<double>("formats/own_vsq_dot_N4_M4.ga.npy"),
               gw = load<double>("formats/own_vsq_dot_N4_M4.gw.npy");
    const auto y = load<double>("formats/own_vsq_dot_N4_M4.y.npy");
    REQUIRE(qa.size() == 1024);
    for (std::ptrdiff_t v = 0; v < 64; ++v) CHECK(integer_dot(qa.data() + 16 * v, qw.data() + 16 * v, 16) == dots[v]);
    for (std::ptrdiff_t row = 0; row < 4; ++row) {
        const std::int64_t sum =
            vsq_dot(qa.data() + 256 * row, sa.data() + 16 * row, qw.data() + 256 * row, sw.data() + 16 * row, 256, 16);
        CHECK(sum == sums[row]);
        CHECK(static_cast<double>(sum) * ga[row] * gw[row] == Approx(y[row]).epsilon(1e-14));
    }
}

TEST_CASE("integer dot products of extreme codes do not wrap") {
    const std::vector<std::int16_t> low(1 << 16, -32768);
    CHECK(integer_dot(low.data(), low.data(), 1 << 16) == std::int64_t{1} << 46);
    const std::vector<std::int32_t> top(4096, 255), scales(256, 65535);
    CHECK(vsq_dot(top.data(), scales.data(), top.data(), scales.data(), 4096, 16) ==
          std::int64_t{4096} * 255 * 255 * 65535 * 65535);
}

TEST_CASE("MX dot products: blocks scale by exponents, NaN spreads, a short last block") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    std::vector<float> a(70), b(70);
    for (std::size_t i = 0; i < 70; ++i) {
        a[i] = std::nearbyint(golden_x.data()[i] * 4);
        b[i] = std::nearbyint(golden_x.data()[i + 100] * 4);
    }
    std::vector<e8m0> a_scales{e8m0::from_exponent(3), e8m0::from_exponent(-127), e8m0::from_exponent(0)};
    const std::vector<e8m0> b_scales{e8m0::from_exponent(-5), e8m0::from_exponent(127), e8m0::from_exponent(2)};
    double expected = 0;
    for (std::size_t i = 0; i < 70; ++i) {
        const double scale = i < 32 ? 0.25 : i < 64 ? 1.0 : 4.0;
        expected += scale * static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    CHECK(mx_dot(a.data(), a_scales.data(), b.data(), b_scales.data(), 70, 32) == expected);
    a_scales[2] = e8m0::nan();
    CHECK(is_nan(static_cast<float>(mx_dot(a.data(), a_scales.data(), b.data(), b_scales.data(), 70, 32))));
    CHECK_FALSE(is_nan(static_cast<float>(mx_dot(a.data(), a_scales.data(), b.data(), b_scales.data(), 64, 32))));
}
