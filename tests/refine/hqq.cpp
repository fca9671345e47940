// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/hqq.hpp>

#include <lowbit/core/pools.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

using lowbit::affine;
using lowbit::tensor;

namespace {

tensor<float> heavy_weights() {
    std::mt19937 random(1);
    std::student_t_distribution<float> heavy(3);
    tensor<float> w({16, 256});
    for (float& v : w) v = 0.02f * heavy(random) + 0.01f;
    return w;
}

double lp_error(const tensor<float>& a, const tensor<float>& b) {
    double error = 0;
    for (std::ptrdiff_t i = 0; i < a.size(); ++i) error += std::pow(std::abs(double{a[i]} - double{b[i]}), 0.7);
    return error;
}

}  // namespace

TEST_CASE("the free zero point lowers the mean error, and does not depend on the unit") {
    const auto w = heavy_weights();
    const std::vector<float> row(w.begin(), w.begin() + 64);
    const auto start = lowbit::choose_params(lowbit::finite_range(row, "row"),
                                             affine{.bits = 3, .symmetric = false, .is_signed = false});
    const auto error_with = [&](double zero) {
        double error = 0;
        for (const float x : row) {
            const double code = std::clamp(std::nearbyint(double{x} / double{start.scale} + zero), 0.0, 7.0);
            error += std::abs(double{x} - double{start.scale} * (code - zero));
        }
        return error;
    };
    const double fitted = lowbit::hqq_zero(row, double{start.scale}, start.zero_point, 0, 7);
    CHECK(error_with(fitted) < 0.99 * error_with(start.zero_point));
    std::vector<float> scaled = row;
    for (float& x : scaled) x *= 1024;
    CHECK(lowbit::hqq_zero(scaled, 1024 * double{start.scale}, start.zero_point, 0, 7) == Approx(fitted));
}

TEST_CASE("integer zero points: never worse than min/max in the fitted norm, better on heavy tails") {
    const auto w = heavy_weights();
    lowbit::thread_pool pool(2);
    for (const int bits : {2, 3, 4}) {
        const affine scheme{.bits = bits, .symmetric = false, .granularity = lowbit::per_group(1, 64)};
        const auto params = lowbit::hqq_params(w, scheme);
        CHECK(params == lowbit::hqq_params(w, scheme, {}, pool));
        const double fitted = lp_error(w, lowbit::dequantize(lowbit::quantize(w, scheme, params)));
        const double plain = lp_error(w, lowbit::dequantize(lowbit::quantize(w, scheme)));
        INFO(bits << " bits");
        CHECK(fitted < 0.97 * plain);
    }
}

TEST_CASE("a symmetric scheme has no zero point to fit") {
    CHECK_THROWS_WITH(lowbit::hqq_params(heavy_weights(), affine{}), Catch::Contains("asymmetric"));
}
