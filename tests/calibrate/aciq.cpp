// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/aciq.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using lowbit::density;

TEST_CASE("golden: the factors of 1 to 8 bits") {
    const auto table = golden::load_csv("calibration/aciq_alpha.csv");
    REQUIRE(table.rows.size() == 8);
    for (std::size_t row = 0; row < 8; ++row) {
        const int bits = static_cast<int>(table.integer(row, "bits"));
        const auto expect = [&](density kind, bool relu, const char* column) {
            INFO(column << ", " << bits << " bits");
            CHECK(lowbit::aciq_factor(kind, bits, relu) == Approx(table.number(row, column)).epsilon(1e-5));
        };
        expect(density::laplace, false, "laplace alpha/b");
        expect(density::laplace, true, "laplace fused-relu alpha/b");
        expect(density::gauss, false, "gauss alpha/sigma");
        expect(density::gauss, true, "gauss fused-relu alpha/sigma");
    }
}

TEST_CASE("the spread of a sample is that of its density, also after a ReLU") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 2);
    std::exponential_distribution<float> exponential(0.5f);
    std::vector<float> gauss(200000), laplace(200000);
    for (float& x : gauss) x = normal(random);
    for (float& x : laplace) x = exponential(random) * (random() % 2 ? 1.0f : -1.0f);
    for (const bool relu : {false, true}) {
        if (relu) {
            for (float& x : gauss) x = std::max(x, 0.0f);
            for (float& x : laplace) x = std::max(x, 0.0f);
        }
        CHECK(lowbit::aciq_spread(lowbit::sorted_values(gauss), density::gauss, relu).width == Approx(2).epsilon(0.01));
        CHECK(lowbit::aciq_spread(lowbit::sorted_values(laplace), density::laplace, relu).width ==
              Approx(2).epsilon(0.01));
    }
    for (float& x : gauss) x = normal(random) + 5;
    CHECK(lowbit::aciq_spread(lowbit::sorted_values(gauss), density::gauss, false).center == Approx(5).epsilon(0.01));
    CHECK(lowbit::aciq_spread(lowbit::sorted_values(std::vector<float>{0, 0}), density::gauss, true).width == 0);
}
