// SPDX-License-Identifier: Apache-2.0
// A small network through the integer path, compiled without any register but the general ones; the same in float64
// here, which is exact at these sizes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

namespace integer_only {
void run(const std::int8_t* x, const std::int8_t* w1, const std::int8_t* w2, const std::int32_t* bias, std::int8_t* y);
}

namespace {

double code(double value) { return std::clamp(std::floor(value + 0.5), -128.0, 127.0); }

}  // namespace

TEST_CASE("a network on general registers alone") {
    std::uint32_t state = 1;
    const auto random = [&] { return static_cast<std::int8_t>((state = state * 1664525u + 1013904223u) >> 24); };
    for (int trial = 0; trial < 50; ++trial) {
        std::vector<std::int8_t> x(128), w1(36), w2(6);
        for (auto* values : {&x, &w1, &w2}) std::generate(values->begin(), values->end(), random);
        const std::int32_t bias[] = {1000, -2000, 31};
        std::int8_t y[3];
        integer_only::run(x.data(), w1.data(), w2.data(), bias, y);

        const double factor = 1717986918 / 2147483648.0 / 64;
        std::vector<double> conv(128), sum(32);
        double mean[2] = {};
        for (int oy = 0; oy < 8; ++oy)
            for (int ox = 0; ox < 8; ++ox)
                for (int c = 0; c < 2; ++c) {
                    double acc = bias[c];
                    for (int k = 0; k < 18; ++k) {
                        const int iy = oy + k / 6 - 1, ix = ox + k / 2 % 3 - 1;
                        if (iy < 0 || iy > 7 || ix < 0 || ix > 7) continue;
                        acc += (x[std::size_t(iy * 16 + ix * 2 + k % 2)] - 4) * w1[std::size_t(c * 18 + k)];
                    }
                    conv[std::size_t(oy * 16 + ox * 2 + c)] = code(std::floor(acc * factor + 0.5) - 3);
                }
        for (int p = 0; p < 32; ++p) {
            const int at = p / 8 * 32 + p / 2 % 4 * 4 + p % 2;
            double most = -128, total = 0;
            for (const int tap : {0, 2, 16, 18}) {
                most = std::max(most, conv[std::size_t(at + tap)]);
                total += x[std::size_t(at + tap)];
            }
            const double a = most + 3, b = std::floor(total / 4 + 0.5) - 4;
            mean[p % 2] += code(a * factor + b);
        }
        for (double& m : mean) m = std::floor(m / 16 + 0.5);
        for (int c = 0; c < 3; ++c) {
            const double acc = bias[c] + mean[0] * w2[std::size_t(2 * c)] + mean[1] * w2[std::size_t(2 * c + 1)];
            CHECK(double(y[c]) == code(std::floor(acc * factor + 0.5) + 7));
        }
    }
}
