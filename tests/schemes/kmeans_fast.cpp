// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans_fast.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using lowbit::detail::fast_kmeans;
using lowbit::detail::kmeans_solver;

namespace {

double squared_error_to(const std::vector<float>& values, const std::vector<float>& weights,
                        const std::vector<double>& means) {
    double total = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double best = 1e300;
        const auto above = std::lower_bound(means.begin(), means.end(), double(values[i]));
        if (above != means.end()) best = *above - double(values[i]);
        if (above != means.begin()) best = std::min(best, double(values[i]) - *(above - 1));
        total += (weights.empty() ? 1.0 : double(weights[i])) * best * best;
    }
    return total;
}

}  // namespace

TEST_CASE("kmeans_fast: within 0.01 dB, and the objective is that of its clusters") {
    std::mt19937 random(1);
    const int kind = GENERATE(0, 1, 2, 3, 4);
    const bool weighted = GENERATE(false, true);
    std::vector<float> values(200000), weights;
    for (float& x : values) {
        switch (kind) {
            case 0:
                x = std::normal_distribution<float>()(random);
                break;
            case 1:
                x = std::exponential_distribution<float>()(random) * (random() % 2 ? 1.0f : -1.0f);
                break;
            case 2:
                x = std::student_t_distribution<float>(3)(random);
                break;
            case 3:
                x = std::cauchy_distribution<float>()(random);
                break;
            default:
                x = 1000 + std::normal_distribution<float>()(random);
                break;
        }
    }
    if (kind == 0) values[5] = -1e6f;
    for (std::size_t i = 0; weighted && i < values.size(); ++i)
        weights.push_back(std::exponential_distribution<float>()(random));
    for (const std::ptrdiff_t k : {2, 16, 64, 256}) {
        CAPTURE(kind, weighted, k);
        const auto fast = fast_kmeans(values, weights, k, {});
        const auto best = kmeans_solver(values, weights, {}).solve(k);
        const double error = squared_error_to(values, weights, fast.means);
        CHECK(std::abs(best.objective - squared_error_to(values, weights, best.means)) <= 1e-9 * best.objective);
        CHECK(error <= best.objective * 1.0023);
        CHECK(error >= best.objective * (1 - 1e-12));
        CHECK(fast.objective <= best.objective * 1.0023);
        lowbit::thread_pool pool(2);
        CHECK(fast_kmeans(values, weights, k, pool).means == fast.means);
        CHECK(kmeans_solver(values, weights, pool).solve(k).means == best.means);
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
