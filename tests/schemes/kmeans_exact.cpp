// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/kmeans_exact.hpp>
#include <tests/support/clusters.hpp>
#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>

using lowbit::detail::exact_kmeans;
using lowbit::detail::kmeans_solution;

namespace {

kmeans_solution solve(const std::vector<float>& values, std::ptrdiff_t k, const std::vector<float>& weights = {}) {
    return exact_kmeans(values, weights, k, {});
}

/// The least error of k clusters by a dynamic program over sorted values in long double: O(k·n·log n) by monotone best
/// cuts, or O(k·n²) without relying on them.
class reference {
public:
    reference(const std::vector<float>& values, const std::vector<float>& weights) {
        std::vector<std::pair<float, long double>> sorted;
        for (std::size_t i = 0; i < values.size(); ++i)
            sorted.emplace_back(values[i], weights.empty() ? 1.0L : weights[i]);
        std::sort(sorted.begin(), sorted.end());
        const long double centre = sorted[sorted.size() / 2].first;
        for (const auto& [value, w] : sorted) {
            const long double x = value - centre;
            weight_.push_back(weight_.back() + w);
            moment_.push_back(moment_.back() + w * x);
            square_.push_back(square_.back() + w * x * x);
        }
    }

    double error(int k, bool monotone) {
        const std::ptrdiff_t n = std::ssize(weight_) - 1;
        before_.assign(weight_.size(), 1e300L);
        before_[0] = 0;
        for (int round = 0; round < k; ++round) {
            now_ = before_;  // or fewer clusters
            if (monotone) {
                rows(1, n, 0, n - 1);
            } else {
                for (std::ptrdiff_t j = 1; j <= n; ++j) row(j, 0, j - 1);
            }
            before_ = now_;
        }
        return double(std::max(0.0L, before_.back()));
    }

    double noise() const { return double(square_.back()) * 0x1p-57; }

private:
    std::ptrdiff_t row(std::ptrdiff_t j, std::ptrdiff_t first, std::ptrdiff_t last) {
        std::ptrdiff_t best = first;
        long double least = 1e300L;
        for (std::ptrdiff_t i = first; i <= std::min(last, j - 1); ++i) {
            const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
            const long double w = weight_[b] - weight_[a], m = moment_[b] - moment_[a];
            const long double cost = before_[a] + (w > 0 ? square_[b] - square_[a] - m * m / w : 0.0L);
            if (cost < least) least = cost, best = i;
        }
        now_[static_cast<std::size_t>(j)] = std::min(now_[static_cast<std::size_t>(j)], least);
        return best;
    }

    void rows(std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t low, std::ptrdiff_t high) {
        if (first > last) return;
        const std::ptrdiff_t middle = (first + last) / 2, best = row(middle, low, high);
        rows(first, middle - 1, low, best);
        rows(middle + 1, last, best, high);
    }

    std::vector<long double> weight_{0}, moment_{0}, square_{0}, before_, now_;
};

}  // namespace

TEST_CASE("kmeans_exact: the golden optima") {
    const auto summary = golden::load_csv("kmeans/summary.csv");
    for (std::size_t row = 0; row < summary.rows.size(); ++row) {
        const std::string name = summary.at(row, "dataset"), k = summary.at(row, "k");
        CAPTURE(name, k);
        const auto loaded = golden::load<float>("kmeans/" + name + ".npy");
        const std::vector<float> values(loaded.begin(), loaded.end());
        const auto means = golden::load<double>("kmeans/" + name + ".k" + k + ".opt_centroids.npy");
        const kmeans_solution found = solve(values, std::stol(k));
        const double best = squared_error_to(values, {}, {means.begin(), means.end()});
        CHECK(std::abs(found.objective - best) <= 1e-12 * best);
        CHECK(std::abs(found.objective - squared_error_to(values, {}, found.means)) <= 1e-12 * best);
        REQUIRE(std::ssize(found.means) == means.size());
        for (std::ptrdiff_t i = 0; i < means.size(); ++i)
            CHECK(std::abs(found.means[static_cast<std::size_t>(i)] - means[i]) < 1e-12);
    }
}

TEST_CASE("kmeans_exact: thousands of small cases with ties and weights") {
    std::mt19937 random(3);
    for (int round = 0; round < 6000; ++round) {
        const std::size_t n = 1 + random() % 30;
        std::vector<float> values(n), weights;
        for (float& x : values) {
            x = round % 3 ? static_cast<float>(static_cast<int>(random() % 12) - 6)
                          : std::normal_distribution<float>()(random);
        }
        for (std::size_t i = 0; round % 2 && i < n; ++i) weights.push_back(static_cast<float>(random() % 4) / 2);
        if (round % 8 == 1) std::fill(weights.begin(), weights.end(), 0.0f);
        const bool weightless = std::all_of(weights.begin(), weights.end(), [](float w) { return w == 0; });
        reference plain(values, weightless ? std::vector<float>{} : weights);
        for (int k = 1; k <= static_cast<int>(n) + 1; k += 1 + static_cast<int>(random() % 3)) {
            const kmeans_solution found = solve(values, k, weights);
            const double best = plain.error(k, false);
            CAPTURE(round, n, k, best, found.objective);
            REQUIRE(std::ssize(found.means) <= k);
            REQUIRE(std::abs(found.objective - best) <= 1e-9 * best + 1e-13);
            REQUIRE(std::abs(squared_error_to(values, weightless ? std::vector<float>{} : weights, found.means) -
                             best) <= 1e-9 * best + 1e-13);
        }
    }
}

TEST_CASE("kmeans_exact: many values, by cells, on every kind of data") {
    std::mt19937 random(4);
    const data_kind kind = GENERATE(from_range(std::begin(data_kinds), std::end(data_kinds)));
    const bool weighted = GENERATE(false, true);
    const std::vector<float> values = draw(random, kind, 20000);
    const std::vector<float> weights = weighted ? draw_weights(random, values.size()) : std::vector<float>{};
    reference plain(values, weights);
    for (const int k : {2, 5, 16, 100}) {
        CAPTURE(int(kind), weighted, k);
        const double best = plain.error(k, true);
        const kmeans_solution found = solve(values, k, weights);
        // The reference itself is only as good as its sums of squares.
        CHECK(std::abs(found.objective - best) <= 1e-9 * best + plain.noise());
        CHECK(std::abs(found.objective - squared_error_to(values, weights, found.means)) <= 1e-9 * best);
    }
}

TEST_CASE("kmeans_exact: what the data does not have is not invented") {
    constexpr float inf = std::numeric_limits<float>::infinity();
    CHECK(solve({}, 4).means.empty());
    CHECK(solve({5}, 4).means == std::vector<double>{5});
    CHECK(solve({5, 5, 5}, 2).means == std::vector<double>{5});
    CHECK(solve({2, 1, 2, 3}, 8).means == std::vector<double>{1, 2, 3});
    CHECK(solve({-0.0f, 0.0f, 1}, 3).means == std::vector<double>{0, 1});
    CHECK(solve({1, 2, 3, 100}, 3, {1, 0, 1, 1}).means == std::vector<double>{1, 3, 100});
    CHECK(solve({1, 3}, 1, {1, 3}).means == std::vector<double>{2.5});
    CHECK(solve({1, 3}, 1, {0, 0}).means == std::vector<double>{2});
    const float most = std::numeric_limits<float>::max();
    CHECK(solve({-most, most, 0}, 3).means == std::vector<double>{-double(most), 0, double(most)});
    CHECK_THROWS_WITH(solve({1, std::nanf("")}, 2), Catch::Contains("index 1 is not finite"));
    CHECK_THROWS_WITH(solve({-inf, 1}, 2), Catch::Contains("index 0 is not finite"));
    CHECK_THROWS_WITH(solve({1, 2}, 2, {1, -1}), Catch::Contains("importance -1 at index 1"));
    CHECK_THROWS_WITH(solve({1, 2}, 2, {1}), Catch::Contains("1 importance values for 2"));
    CHECK_THROWS_WITH(solve({1, 2}, 0), Catch::Contains("1 to 65536"));
    CHECK_THROWS_WITH(solve({1, 2}, 65537), Catch::Contains("1 to 65536"));
}
