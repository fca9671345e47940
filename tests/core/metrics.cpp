// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>

#include <Eigen/Core>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

TEST_CASE("metrics of a worked example") {
    const std::vector<float> truth{3, -4, 0, 5}, approximation{2, -4, 2, 5};
    const lowbit::error_sums sums = lowbit::compare(truth, approximation);
    CHECK(sums.count == 4);
    CHECK(sums.signal == 50);
    CHECK(sums.noise == 5);
    CHECK(sums.cross == 47);
    CHECK(sums.approx == 49);
    CHECK(sums.mse() == 1.25);
    CHECK(sums.rmse() == std::sqrt(1.25));
    CHECK(sums.sqnr_db() == 10.0);
    CHECK(sums.cosine() == 47 / std::sqrt(50.0 * 49.0));
    CHECK(sums.max_error == 2);
    CHECK(lowbit::mse(truth, approximation) == 1.25);
    CHECK(lowbit::sqnr_db(truth, approximation) == 10.0);
    CHECK(lowbit::cosine(truth, approximation) == sums.cosine());
    CHECK(lowbit::max_error(truth, approximation) == 2);
}

TEST_CASE("halving the step of a uniform quantizer adds 6.02 dB") {
    std::vector<float> truth, coarse, fine;
    for (int i = 0; i < 4096; ++i) {
        const float x = static_cast<float>(i) + 0.25f;
        truth.push_back(x);
        coarse.push_back(std::floor(x));
        fine.push_back(std::floor(x) + 0.125f);
    }
    const double gain = lowbit::sqnr_db(truth, fine) - lowbit::sqnr_db(truth, coarse);
    CHECK(std::abs(gain - 20 * std::log10(2.0)) < 1e-9);
}

TEST_CASE("metrics at their limits") {
    const std::vector<float> zeros(3), ones(3, 1), none;
    CHECK(lowbit::sqnr_db(ones, ones) == std::numeric_limits<double>::infinity());
    CHECK(lowbit::cosine(ones, ones) == 1);
    CHECK(lowbit::cosine(zeros, zeros) == 1);
    CHECK(lowbit::cosine(zeros, ones) == 0);
    CHECK(lowbit::cosine(ones, zeros) == 0);
    CHECK(lowbit::mse(none, none) == 0);
    CHECK(lowbit::max_error(none, none) == 0);
}

TEST_CASE("metrics take sources of different kinds and refuse different sizes") {
    Eigen::Matrix2d matrix;
    matrix << 1, 2, 3, 4;
    CHECK(lowbit::mse(matrix, std::vector<float>{1, 2, 3, 5}) == 0.25);
    CHECK_THROWS_WITH(lowbit::mse(matrix, std::vector<float>{1}), "compare: 4 values against 1");
}
