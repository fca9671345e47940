// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/codebook.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>

using lowbit::detail::nearest_centroid;

namespace {

double distance(float a, float b) { return std::abs(double(a) - double(b)); }

/// Label of the nearest centroid, plainly; ties to the lower.
std::uint16_t plainly(const std::vector<float>& centroids, float x) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < centroids.size(); ++i) {
        const double d = distance(x, centroids[i]), b = distance(x, centroids[best]);
        if (d < b || (d == b && centroids[i] < centroids[best])) best = i;
    }
    return static_cast<std::uint16_t>(best);
}

}  // namespace

TEST_CASE("codebook: the nearest centroid, by search and by table") {
    std::mt19937 random(6);
    const int kind = GENERATE(Catch::Generators::range(0, 5));
    for (const std::size_t k : {1u, 2u, 3u, 16u, 255u, 1000u}) {
        std::vector<float> centroids(k);
        for (std::size_t i = 0; i < k; ++i) {
            centroids[i] = kind == 0   ? static_cast<float>(i)
                           : kind == 1 ? std::normal_distribution<float>()(random)
                           : kind == 2 ? std::cauchy_distribution<float>()(random)
                           : kind == 3 ? 1e6f + static_cast<float>(i) / 8
                                       : std::exp(std::normal_distribution<float>(0, 20)(random));
        }
        if (kind == 0) std::shuffle(centroids.begin(), centroids.end(), random);
        const nearest_centroid search(centroids, 1), table(centroids, 1 << 20);
        std::vector<float> values{0, -1e30f, 1e30f, std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity()};
        for (int i = 0; i < 2000; ++i) {
            const float a = centroids[random() % k], b = centroids[random() % k];
            values.insert(values.end(), {a, a / 2 + b / 2, std::nextafter(a, b), a * 1.01f + 0.1f});
        }
        for (const float x : values) {
            REQUIRE(search(x) == table(x));
            REQUIRE(distance(x, centroids[search(x)]) == distance(x, centroids[plainly(centroids, x)]));
        }
    }
}

TEST_CASE("codebook: bits, equality, bad ones") {
    CHECK(lowbit::codebook{{1}}.bits() == 1);
    CHECK(lowbit::codebook{{1, 2}}.bits() == 1);
    CHECK(lowbit::codebook{{1, 2, 3}}.bits() == 2);
    CHECK(lowbit::codebook{std::vector<float>(65536)}.bits() == 16);
    CHECK(lowbit::codebook{{1, 2}, 3.0, 4} == lowbit::codebook{{1, 2}});
    CHECK_THROWS_AS(nearest_centroid({}, 1), lowbit::error);
    CHECK_THROWS_AS(nearest_centroid(std::vector<float>(65537), 1), lowbit::error);
    CHECK_THROWS_WITH(nearest_centroid(std::vector<float>{1, std::nanf("")}, 1), Catch::Contains("centroid 1"));
}
