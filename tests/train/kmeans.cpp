// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/train/kmeans.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cstdint>

using namespace lowbit;

TEST_CASE("centroid gradients and means are the reference's") {
    const auto labels = load<std::int64_t>("qat/kmeansqat.labels.npy");
    const auto gradients = centroid_gradients(load<float>("qat/kmeansqat.gw.npy"), labels, 4);
    CHECK(max_error(load<float>("qat/kmeansqat.dc.npy"), gradients) < 2e-6);  // the reference sums in float32
    tensor<float> centroids = load<float>("qat/kmeansqat.c.npy");
    update_centroids(load<float>("qat/kmeansqat.w.npy"), labels, centroids.span());
    CHECK(max_error(load<float>("qat/kmeansqat.mean_of_weights.npy"), centroids) < 1e-6);
}

TEST_CASE("labels without weights: gradient 0, centroid kept") {
    const std::vector<float> values{1, 2, 4};
    const std::vector<std::uint8_t> labels{0, 2, 2};
    const auto gradients = centroid_gradients(values, labels, 4);
    CHECK(std::vector<float>(gradients.begin(), gradients.end()) == std::vector<float>{1, 0, 6, 0});
    std::vector<float> centroids{9, 8, 7, 6};
    update_centroids(values, labels, centroids);
    CHECK(centroids == std::vector<float>{1, 8, 3, 6});
    CHECK(centroid_gradients(std::vector<float>{}, std::vector<int>{}, 0).empty());
}

TEST_CASE("labels that do not fit are refused by index") {
    CHECK_THROWS_WITH(centroid_gradients(std::vector<float>{1, 2}, std::vector<int>{0, 3}, 3),
                      Catch::Contains("label 3 at index 1"));
    CHECK_THROWS_AS(centroid_gradients(std::vector<float>{1, 2}, std::vector<int>{0}, 3), error);
    std::vector<float> centroids(2);
    CHECK_THROWS_AS(update_centroids(std::vector<float>{1}, std::vector<int>{-1}, centroids), error);
}
