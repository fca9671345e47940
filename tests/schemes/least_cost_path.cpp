// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/least_cost_path.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace lowbit::detail;

namespace {

/// Σ w·(x − mean)² of the points first … last−1.
double cluster_cost(const sorted_points& points, std::ptrdiff_t first, std::ptrdiff_t last) {
    double weight = 0, moment = 0, cost = 0;
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
        weight += points.weight[i];
        moment += points.weight[i] * points.value[i];
    }
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i)
        cost += points.weight[i] * (points.value[i] - moment / weight) * (points.value[i] - moment / weight);
    return cost;
}

double path_cost(const sorted_points& points, const std::vector<std::int32_t>& nodes) {
    double cost = 0;
    for (std::size_t i = 1; i < nodes.size(); ++i) cost += cluster_cost(points, nodes[i - 1], nodes[i]);
    return cost;
}

/// cost[k] of the best path of k links: the plain dynamic program, O(n²k).
std::vector<double> plain_costs(const sorted_points& points) {
    const std::ptrdiff_t n = points.size();
    std::vector<double> before(static_cast<std::size_t>(n + 1), 1e300), costs{0};
    before[0] = 0;
    for (std::ptrdiff_t k = 1; k <= n; ++k) {
        std::vector<double> now(before.size(), 1e300);
        for (std::ptrdiff_t j = k; j <= n; ++j) {
            for (std::ptrdiff_t i = k - 1; i < j; ++i) {
                now[static_cast<std::size_t>(j)] = std::min(
                    now[static_cast<std::size_t>(j)], before[static_cast<std::size_t>(i)] + cluster_cost(points, i, j));
            }
        }
        costs.push_back(now.back());
        before = now;
    }
    return costs;
}

}  // namespace

TEST_CASE("least_cost_path: every number of links costs what the plain dynamic program finds") {
    std::mt19937 random(1);
    int longest = 0;
    for (int round = 0; round < 4000; ++round) {
        const int kind = round % 4;  // small integers, gaussian, a regular grid (ties everywhere), heavy tails
        lowbit::detail::uninitialized_vector<double> values, weights;
        const auto n = 1 + random() % 24;
        for (unsigned i = 0; i < n; ++i) {
            values.push_back(kind == 0   ? double(random() % 10)
                             : kind == 1 ? std::normal_distribution<>()(random)
                             : kind == 2 ? double(i)
                                         : std::cauchy_distribution<>()(random));
        }
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        for (std::size_t i = 0; i < values.size(); ++i) weights.push_back(kind % 2 ? 1.0 : 1.0 + double(random() % 4));
        const sorted_points points{weights, values};
        const std::vector<double> expected = plain_costs(points);
        const auto solve = [&](double price) {
            link_path path{least_cost_nodes(points, {}, price, {})};
            path.cost = path_cost(points, path.nodes);
            return path;
        };
        for (std::ptrdiff_t k = 1; k <= points.size(); ++k) {
            double price = expected[1] / double(k * k * k) + 1e-9;
            int iterations = 0;
            const link_path path = path_with_links(solve, k, price, iterations);
            REQUIRE(path.links() == k);
            REQUIRE(std::is_sorted(path.nodes.begin(), path.nodes.end(), std::less_equal<>()));
            const double found = path_cost(points, path.nodes), best = expected[static_cast<std::size_t>(k)];
            REQUIRE(std::abs(found - best) <= 1e-9 * best + 1e-13 * expected[1]);
            longest = std::max(longest, iterations);
        }
    }
    CHECK(longest <= 40);
}

TEST_CASE("least_cost_path: a credit on a node draws the path there") {
    const sorted_points points{{1, 1, 1, 1, 1, 1}, {0, 1, 2, 3, 4, 5}};
    lowbit::detail::uninitialized_vector<double> credit(7, 0);
    CHECK(least_cost_nodes(points, credit, 5, {}) == std::vector<std::int32_t>{0, 3, 6});
    credit[2] = 3;
    CHECK(least_cost_nodes(points, credit, 5, {}) == std::vector<std::int32_t>{0, 2, 6});
}

TEST_CASE("least_cost_path: the same on two threads, with sweeps that are long enough for them") {
    std::mt19937 random(2);
    sorted_points points;
    for (int i = 0; i < 20000; ++i) points.push_back(1 + double(random() % 3), std::cauchy_distribution<>()(random));
    std::sort(points.value.begin(), points.value.end());
    lowbit::thread_pool pool(2);
    for (const double price : {1e-3, 1.0, 1e4}) {
        const auto nodes = least_cost_nodes(points, {}, price, {});
        CHECK(nodes == least_cost_nodes(points, {}, price, pool));
        CHECK(nodes.size() > 2);
        // No cut can be moved or left out to advantage.
        for (std::size_t i = 1; i + 1 < nodes.size(); ++i) {
            const auto between = [&](std::ptrdiff_t cut) {
                return cluster_cost(points, nodes[i - 1], cut) + cluster_cost(points, cut, nodes[i + 1]);
            };
            const double cost = between(nodes[i]);
            if (nodes[i] - 1 > nodes[i - 1]) CHECK(cost <= between(nodes[i] - 1) * (1 + 1e-9));
            if (nodes[i] + 1 < nodes[i + 1]) CHECK(cost <= between(nodes[i] + 1) * (1 + 1e-9));
            CHECK(cost + price <= cluster_cost(points, nodes[i - 1], nodes[i + 1]) * (1 + 1e-9));
        }
    }
}

TEST_CASE("least_cost_path: splicing gives any number of links between") {
    // A regular grid: 0-4-8 and 0-1-2-…-8 have links of every kind between.
    const std::vector<std::int32_t> few{0, 4, 8}, many{0, 1, 2, 3, 4, 5, 6, 7, 8};
    for (std::ptrdiff_t links = 3; links < 8; ++links) {
        const auto spliced = splice(few, many, links);
        CHECK(std::ssize(spliced) == links + 1);
        CHECK(std::is_sorted(spliced.begin(), spliced.end(), std::less_equal<>()));
    }
}
