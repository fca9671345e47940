// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans_fast.hpp>
#include <tests/support/clusters.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using lowbit::detail::exact_kmeans;
using lowbit::detail::fast_kmeans;

TEST_CASE("kmeans_fast: within 0.01 dB, and the objective is that of its clusters") {
    std::mt19937 random(1);
    const data_kind kind = GENERATE(data_kind::gaussian, data_kind::laplace, data_kind::student, data_kind::cauchy,
                                    data_kind::far_from_zero);
    const bool weighted = GENERATE(false, true);
    std::vector<float> values = draw(random, kind, 200000);
    if (kind == data_kind::gaussian) values[5] = -1e6f;
    const std::vector<float> weights = weighted ? draw_weights(random, values.size()) : std::vector<float>{};
    for (const std::ptrdiff_t k : {2, 16, 64, 256}) {
        CAPTURE(int(kind), weighted, k);
        const auto fast = fast_kmeans(values, weights, k, {});
        const auto best = exact_kmeans(values, weights, k, {});
        const double error = squared_error_to(values, weights, fast.means);
        CHECK(std::abs(best.objective - squared_error_to(values, weights, best.means)) <= 1e-9 * best.objective);
        CHECK(error <= best.objective * 1.0023);
        CHECK(error >= best.objective * (1 - 1e-12));
        CHECK(fast.objective <= best.objective * 1.0023);
        lowbit::thread_pool pool(2);
        CHECK(fast_kmeans(values, weights, k, pool).means == fast.means);
        CHECK(exact_kmeans(values, weights, k, pool).means == best.means);
    }
}

TEST_CASE("kmeans_fast: few values, and what the data does not have") {
    CHECK(fast_kmeans({}, {}, 4, {}).means.empty());
    CHECK(fast_kmeans(std::vector<float>{1, 2, 2}, {}, 4, {}).means == std::vector<double>{1, 2});
    const std::vector<float> same(40000, 3.5f);
    CHECK(fast_kmeans(same, {}, 4, {}).means == std::vector<double>{3.5});
    CHECK(fast_kmeans(same, std::vector<float>(40000, 0.0f), 4, {}).means == std::vector<double>{3.5});
    std::vector<float> few(40000);
    for (std::size_t i = 0; i < few.size(); ++i) few[i] = static_cast<float>(i % 5);
    CHECK(fast_kmeans(few, {}, 16, {}).means == std::vector<double>{0, 1, 2, 3, 4});
    few[39999] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(fast_kmeans(few, {}, 16, {}), Catch::Contains("index 39999"));
    CHECK_THROWS_WITH(fast_kmeans(same, {}, 0, {}), Catch::Contains("1 to 65536"));
}
