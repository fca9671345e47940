// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/best_parents.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

TEST_CASE("best_parents: the leftmost row minima, the same on every instruction set") {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        // Sorted points before and after a middle node; costs of its parents as if they were priced clusters.
        const int parents = 1 + static_cast<int>(random() % 150), rows = 1 + static_cast<int>(random() % 150);
        const auto nodes = static_cast<std::size_t>(parents + rows);
        const bool ties = round % 2 != 0;
        std::vector<double> values(nodes);
        for (double& x : values) x = ties ? double(random() % 9) : std::normal_distribution<>()(random);
        std::sort(values.begin(), values.end());
        std::vector<double> weight(nodes + 8), moment(nodes + 8), start(nodes + 8), value(nodes + 8), least(nodes + 8);
        std::vector<std::int32_t> parent(nodes + 8), expected(nodes + 8);
        for (std::size_t i = 0; i < nodes; ++i) {
            const double w = 1 + double(random() % 3);
            weight[i + 1] = weight[i] + w;
            moment[i + 1] = moment[i] + w * values[i];
            start[i + 1] = ties ? start[i] + 1 : start[i] + std::uniform_real_distribution<>(0, 0.1)(random);
        }
        const lowbit::parent_rows x{weight.data(), moment.data(), start.data(), value.data(), parent.data()};
        for (int row = parents; row <= static_cast<int>(nodes); ++row) {
            double best = std::numeric_limits<double>::infinity();
            for (int i = 0; i < parents; ++i) {
                const auto r = static_cast<std::size_t>(row), p = static_cast<std::size_t>(i);
                const double sum = moment[r] - moment[p], v = start[p] - sum * sum / (weight[r] - weight[p]);
                if (v < best) best = v, expected[r] = i;
            }
            least[static_cast<std::size_t>(row)] = best;
        }
        const auto results = [&] {
            std::fill(parent.begin(), parent.end(), -1);
            std::fill(value.begin(), value.end(), 0.0);
            lowbit::best_parents(x, parents, static_cast<std::ptrdiff_t>(nodes), 0, parents - 1);
            std::vector<std::uint8_t> bytes;
            for (std::size_t r = 0; r < parent.size(); ++r) {
                for (const std::uint64_t word : {std::bit_cast<std::uint64_t>(value[r]), std::uint64_t(parent[r])})
                    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(std::uint8_t(word >> shift));
            }
            return bytes;
        };
        same_on_every_isa(results);
        if (ties) continue;
        for (std::size_t r = static_cast<std::size_t>(parents); r <= nodes; ++r) {
            CAPTURE(round, r, parents, rows);
            REQUIRE(value[r] == least[r]);
            REQUIRE(parent[r] == expected[r]);
        }
    }
}
