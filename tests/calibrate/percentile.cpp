// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/percentile.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

TEST_CASE("percentiles are within 1/128 of the exact ones, outliers or not") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(20000);
    for (float& x : values) x = normal(random);
    values[77] = GENERATE(1.0f, 1e30f);
    lowbit::percentile_observer observer;
    observer.observe(values);
    std::sort(values.begin(), values.end());
    for (const double fraction : {0.0001, 0.01, 0.3, 0.9, 0.999, 0.9999}) {
        const auto rank = static_cast<std::size_t>(std::ceil(fraction * 20000)) - 1;
        CHECK(observer.quantile(fraction) == Approx(values[rank]).epsilon(1.0 / 128));
    }
    CHECK(observer.quantile(0) == values.front());
    CHECK(observer.quantile(1) == values.back());
    CHECK(observer.observed(99).max == observer.quantile(0.99));
    CHECK(observer.observed(99).min == observer.quantile(0.01));
}

TEST_CASE("parts merge to the whole, to the bit") {
    std::mt19937 random(2);
    std::vector<float> values(5000);
    for (float& x : values) x = static_cast<float>(static_cast<int>(random() % 20001) - 10000) * 1e-3f;
    values[3] = -0.0f;
    lowbit::percentile_observer whole, first, second, third;
    whole.observe(values);
    for (std::size_t at = 0; at < values.size(); at += 50) {
        (random() % 2 ? first : second).observe(std::span(values).subspan(at, 50));
    }
    second.merge(third);
    third.merge(second);
    third.merge(first);
    CHECK(third == whole);
}

TEST_CASE("misuse of percentiles is refused") {
    lowbit::percentile_observer observer;
    CHECK_THROWS_WITH(observer.quantile(0.5), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(observer.observe(std::vector<float>{NAN}), Catch::Contains("index 0"));
    CHECK(observer.empty());
    observer.observe(std::vector<float>{1});
    CHECK_THROWS_WITH(observer.quantile(1.5), Catch::Contains("[0, 1]"));
    CHECK(observer.quantile(0.5) == 1);
}
