// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/octav.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

TEST_CASE("golden: every iterate from 0, and the fixed point") {
    const auto table = golden::load_csv("calibration/octav.csv");
    int compared = 0;
    for (const std::string data : {"gauss", "laplace", "relu_gauss", "lenet_f1"}) {
        const bool is_signed = data != "relu_gauss";
        const auto values = golden::load<float>("calibration/octav_" + data + ".npy");
        const auto sorted = lowbit::sorted_values::magnitudes(values.span());
        const double nonzero = sorted.above(1e-45).count;
        for (std::size_t row = 0; row < table.rows.size(); ++row) {
            if (table.at(row, "data") != data || table.at(row, "start") != "s0=0") continue;
            const int bits = static_cast<int>(table.integer(row, "bits"));
            INFO(data << " " << bits << " bits");
            std::istringstream iterates(table.at(row, "iterates"));
            double clip = 0, expected = 0;
            while (iterates >> expected) {
                CHECK(clip == Approx(expected).epsilon(1e-5));
                clip = lowbit::octav_step(sorted, nonzero, clip, bits, is_signed);
            }
            CHECK(lowbit::octav_clip(sorted, bits, is_signed) == Approx(table.number(row, "s*")).epsilon(1e-5));
            ++compared;
        }
    }
    CHECK(compared == 28);
}

TEST_CASE("zeros do not matter, and nothing is clipped beyond the largest") {
    const std::vector<float> some{0.5f, -1, 2, 3}, with_zeros{0, 0.5f, -1, 0, 2, 3, 0, 0};
    const auto clip = [](const std::vector<float>& values) {
        return lowbit::octav_clip(lowbit::sorted_values::magnitudes(values), 2, true);
    };
    CHECK(clip(some) == clip(with_zeros));
    CHECK(clip({3, 3, 3}) == 3);
    CHECK(clip({0, 0}) == 0);
}
