// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/moments.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <vector>

using lowbit::moments_observer;

TEST_CASE("moments of small integers are exact") {
    moments_observer observer;
    observer.observe(std::vector<float>{-1, 2, 3, -4, 5});
    CHECK(observer.count() == 5);
    CHECK(observer.mean() == 1);
    CHECK(observer.mean_magnitude() == 3);
    CHECK(observer.mean_square() == 11);
    CHECK(observer.variance() == 10);
    CHECK(observer.observed() == lowbit::range{-4, 5});
}

TEST_CASE("nothing is lost to cancellation or to small numbers") {
    const float tiny = std::numeric_limits<float>::denorm_min();
    moments_observer observer;
    observer.observe(std::vector<float>{3e38f, tiny, -3e38f, tiny});
    CHECK(observer.mean() == double{tiny} / 2);
}

TEST_CASE("any split and order gives the same bits") {
    std::mt19937 random(GENERATE(1u, 2u, 3u));
    std::normal_distribution<float> normal(0.1f, 3);
    std::vector<float> values(4000);
    for (float& x : values) x = normal(random);
    moments_observer whole, merged;
    whole.observe(values);
    std::vector<moments_observer> parts(4);
    for (std::size_t at = 0; at < values.size(); at += 100) {
        parts[random() % 4].observe(std::span(values).subspan(at, 100));
    }
    std::shuffle(parts.begin(), parts.end(), random);
    for (const auto& part : parts) merged.merge(part);
    CHECK(merged == whole);
    double sum = 0, squares = 0;
    for (const float x : values) sum += double{x}, squares += double{x} * x;
    CHECK(whole.mean() == Approx(sum / 4000).epsilon(1e-12));
    CHECK(whole.mean_square() == Approx(squares / 4000).epsilon(1e-12));
}

TEST_CASE("moments of nothing are refused") {
    CHECK_THROWS_WITH(moments_observer().mean(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(moments_observer().observed(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(moments_observer().observe(std::vector<float>{}), Catch::Contains("no values"));
}
