// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_search.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace lowbit;
namespace one_lane = lowbit::detail::lanes_scalar;

namespace {

constexpr detail::integer_search sevens{-7, 7, 16, 0.4f};

float level(float y) { return std::clamp(std::nearbyint(y), -7.0f, 7.0f); }

double noise(const std::vector<float>& x, float scale) {
    double sum = 0;
    for (const float v : x) sum += std::pow(static_cast<double>(v - level(v / scale) * scale), 2);
    return sum;
}

float best_scale(const std::vector<float>& x, float standard, const float* weights = nullptr) {
    return one_lane::best_integer_scale(x.data(), weights, std::ssize(x), standard, sevens);
}

float squares(const std::vector<float>& x, const float* weights = nullptr) {
    return one_lane::with_weights(x.data(), weights, std::ssize(x), 1.0f, 0.0f, [](const auto& values) {
        return one_lane::squared_error(
            values, [](float) { return 0.0f; }, 1.0f, 1.0f);
    });
}

}  // namespace

TEST_CASE("sums weighted squares in units of the largest weight's power of two; no value is zero") {
    CHECK(squares({}) == 0);
    CHECK(squares({1, -2, 3}) == 14);
    const float weights[] = {0.5f, 3.0f, 1.0f};
    CHECK(squares({1, -2, 3}, weights) == (0.5f + 12 + 9) / 2);
}

TEST_CASE("sums are in float32, in the order of the values") {
    CHECK(squares({0x1p12f, 1.0f, 1.0f}) == 0x1p24f);
    CHECK(squares({1.0f, 1.0f, 0x1p12f}) == 0x1p24f + 2);
}

TEST_CASE("an error is that of the decoded value") {
    const std::vector<float> x{0.9f, -2.2f};
    const float sum = one_lane::with_weights(x.data(), nullptr, 2, 1.0f, 0.0f, [](const auto& values) {
        return one_lane::squared_error(values, level, 2.0f, 0.5f);
    });
    CHECK(sum == Approx(0.1 * 0.1 + 0.2 * 0.2).epsilon(1e-5));
}

TEST_CASE("values on a grid give back its step") {
    std::vector<float> x;
    for (int code = -7; code <= 7; ++code) x.push_back(static_cast<float>(code) * 0.375f);
    CHECK(best_scale(x, 0.375f) == 0.375f);
    CHECK(best_scale(x, -0.375f) == -0.375f);
    CHECK(best_scale(x, 0.4f) == 0.375f);
}

TEST_CASE("scales at the ends of float32 are left as they are") {
    for (const float far : {0.0f, 1e-30f, 1e30f}) CHECK(best_scale({far, far / 2}, far) == far);
}

TEST_CASE("near the best scale of a fine sweep, never worse than the standard one") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    for (std::ptrdiff_t first = 0; first < 4096; first += 32) {
        const std::vector<float> x(golden_x.begin() + first, golden_x.begin() + first + 32);
        float amax = 0;
        for (const float v : x) amax = std::max(amax, std::abs(v));
        const float standard = amax / 7, found = best_scale(x, standard);
        double best = noise(x, standard);
        REQUIRE(noise(x, found) <= best);
        for (float scale = 0.6f * standard; scale < 1.4f * standard; scale *= 1.001f) {
            best = std::min(best, noise(x, scale));
        }
        REQUIRE(noise(x, found) <= 1.25 * best);
    }
}

TEST_CASE("a table: thresholds choose levels, of either sign of the scale") {
    detail::codebook_search table;
    for (int i = 0; i < 16; ++i) table.levels[static_cast<std::size_t>(i)] = static_cast<float>(i - 4) / 8;
    for (std::size_t i = 0; i < 15; ++i) table.thresholds[i] = table.levels[i] + 1.0f / 16;
    table.top = 11.0f / 8;
    const one_lane::level_search search(table.thresholds.data(), table.levels.data());
    CHECK(search(-3.0f) == -0.5f);
    CHECK(search(0.0625f) == 0.0f);  // the threshold is not below it
    CHECK(search(0.07f) == 0.125f);
    CHECK(search(9.0f) == 1.375f);
    // Far more room above 0 than below: values that are mostly negative want a negative scale.
    const std::vector<float> x{-2.75f, -2.5f, 0.5f, -1.25f, 1.0f, -0.25f};
    CHECK(one_lane::best_codebook_scale(x.data(), nullptr, std::ssize(x), table) == -2.0f);
}

TEST_CASE("a line through codes") {
    const auto line = [](const std::vector<float>& x, bool up_to_zero) {
        const one_lane::value_range range(x.data(), std::ssize(x), up_to_zero ? 0.0f : x[0]);
        return one_lane::best_line(x.data(), nullptr, std::ssize(x), range, {15, 16, up_to_zero});
    };
    std::vector<float> x;
    for (int code = 0; code <= 15; ++code) x.push_back(static_cast<float>(code) * 0.25f - 1.5f);
    CHECK(line(x, false).scale == 0.25f);
    CHECK(line(x, false).minimum == -1.5f);
    for (float& v : x) v += 2.0f;  // all above 0: the minimum may not be
    CHECK(line(x, true).minimum <= 0);
    CHECK(line(x, true).scale > 0);
    CHECK(line(x, false).minimum == 0.5f);
    const std::vector<float> same(16, 3.0f);
    CHECK(line(same, false).scale == 0);
    CHECK(line(same, false).minimum == 3.0f);
}

TEST_CASE("multiples of two steps: the neighbours that the values were made of") {
    std::vector<float> x;
    for (int q = 0; q <= 15; ++q) x.push_back(40 * 0.125f * static_cast<float>(q) - 21 * 0.5f);
    const one_lane::scale_and_minimum steps{0.125f, 0.5f};
    const auto find = [&](float scale, float minimum, int rounds) {
        return one_lane::best_multiples(x.data(), nullptr, 16, steps, {scale, minimum}, rounds);
    };
    CHECK(find(41, 20, 1).scale == 40);
    CHECK(find(41, 20, 1).minimum == 21);
    CHECK(find(42, 22, 2).scale == 40);
    CHECK(find(63, 63, 1).scale <= 63);
    const auto nearest = one_lane::nearest_multiples({40 * 0.125f + 0.01f, 1e9f}, steps);
    CHECK(nearest.scale == 40);
    CHECK(nearest.minimum == 63);
}

TEST_CASE("weights pull toward what they weigh, whatever their unit") {
    const std::vector<float> x{1.0f, 0.3f, -0.55f, 0.81f};
    for (const float unit : {1.0f, 1e-30f, 1e30f}) {
        const std::vector<float> weights{1e-4f * unit, unit, 1e-4f * unit, 1e-4f * unit};
        const float scale = best_scale(x, 1.0f / 7, weights.data());
        CHECK(std::abs(level(0.3f / scale) * scale - 0.3f) < 1e-3f);
    }
}

TEST_CASE("signs, ranges and reciprocals") {
    const float x[] = {-0.0f, 2.0f, -2.0f, 0.0f, 1.0f};
    CHECK(one_lane::signed_largest(x, 5) == 2.0f);
    const one_lane::value_range range(x, 5, 0.5f);
    CHECK(range.lowest == -2.0f);
    CHECK(range.largest == 2.0f);
    CHECK(one_lane::reciprocal_or_zero(-4.0f) == -0.25f);
    CHECK(one_lane::reciprocal_or_zero(1e-40f) == 0.0f);
    CHECK(one_lane::reciprocal_or_zero(0.0f) == 0.0f);
}
