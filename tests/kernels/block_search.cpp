// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_search.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace lowbit;

namespace {

float level(float y) { return std::clamp(std::nearbyint(y), -7.0f, 7.0f); }

double noise(const std::vector<float>& x, float scale) {
    double sum = 0;
    for (const float v : x) sum += std::pow(static_cast<double>(v - level(v / scale) * scale), 2);
    return sum;
}

}  // namespace

TEST_CASE("sums weighted squares; no value is zero") {
    CHECK(squared_error().total() == 0);
    squared_error error;
    for (int i = 0; i < 20; ++i) error.add(i, static_cast<float>(i) - 10.0f);
    CHECK(error.total() == 670);
    error.add(20, 0.5f, 8.0f);
    CHECK(error.total() == 672);
}

TEST_CASE("the order of the sum is element i in sum i mod 8, folded by halves") {
    squared_error error;
    const float large = 0x1p40f, small = 1.0f;
    error.add(0, large);
    error.add(1, small);
    error.add(9, small);
    // 2^80 + 0 first, then the two ones, exactly 2 before they meet 2^80.
    CHECK(error.total() == 0x1p80 + 2);
    squared_error same_lane;
    same_lane.add(0, large);
    for (int i = 8; i < 80000; i += 8) same_lane.add(i, small);
    CHECK(same_lane.total() == 0x1p80);
}

TEST_CASE("values on a grid give back its step") {
    std::vector<float> x;
    for (int code = -7; code <= 7; ++code) x.push_back(static_cast<float>(code) * 0.375f);
    CHECK(least_squares_scale(x.data(), 15, nullptr, 0.375f, 8, 0.3f, level) == 0.375f);
    CHECK(least_squares_scale(x.data(), 15, nullptr, -0.375f, 8, 0.3f, level) == -0.375f);
    CHECK(least_squares_scale(x.data(), 15, nullptr, 0.4f, 8, 0.3f, level) == 0.375f);
}

TEST_CASE("near the best scale of a fine sweep, never worse than the guess") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    for (std::ptrdiff_t first = 0; first < 4096; first += 32) {
        const std::vector<float> x(golden_x.begin() + first, golden_x.begin() + first + 32);
        float amax = 0;
        for (const float v : x) amax = std::max(amax, std::abs(v));
        const float guess = amax / 7, found = least_squares_scale(x.data(), 32, nullptr, guess, 16, 0.4f, level);
        double best = noise(x, guess);
        REQUIRE(noise(x, found) <= best);
        for (float scale = 0.6f * guess; scale < 1.4f * guess; scale *= 1.001f) best = std::min(best, noise(x, scale));
        REQUIRE(noise(x, found) <= 1.25 * best);
    }
}

TEST_CASE("a line through codes") {
    std::vector<float> x;
    for (int code = 0; code <= 15; ++code) x.push_back(static_cast<float>(code) * 0.25f - 1.5f);
    const auto line = least_squares_line(x.data(), 16, nullptr, x.front(), x.back(), 15, false, 16);
    CHECK(line.scale == 0.25f);
    CHECK(line.minimum == -1.5f);
    for (float& v : x) v += 2.0f;  // all above 0: the minimum may not be
    const auto positive = least_squares_line(x.data(), 16, nullptr, 0.0f, x.back(), 15, true, 16);
    CHECK(positive.minimum <= 0);
    CHECK(positive.scale > 0);
    const std::vector<float> same(16, 3.0f);
    const auto constant = least_squares_line(same.data(), 16, nullptr, 3.0f, 3.0f, 15, false, 16);
    CHECK(constant.scale == 0);
    CHECK(constant.minimum == 3.0f);
}

TEST_CASE("weights pull toward what they weigh") {
    std::vector<float> x{1.0f, 0.3f, -0.55f, 0.81f}, weights{1e-4f, 1.0f, 1e-4f, 1e-4f};
    const float scale = least_squares_scale(x.data(), 4, weights.data(), 1.0f / 7, 16, 0.4f, level);
    CHECK(std::abs(level(0.3f / scale) * scale - 0.3f) < 1e-3f);
}
