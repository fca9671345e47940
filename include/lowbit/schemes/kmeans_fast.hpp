// SPDX-License-Identifier: Apache-2.0
/// @file
/// One-dimensional k-means within 0.01 dB of the optimum: values are only counted into cells (value_cells.hpp), and the
/// best cuts between cells are a shortest path over them (least_cost_path.hpp).
#pragma once

#include <lowbit/schemes/kmeans_exact.hpp>
#include <lowbit/schemes/value_cells.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// Cells over the values: centre and spread from a sample, fine enough that a cluster has many.
inline value_cells cells_for(std::span<const float> values, extent range, std::ptrdiff_t k) {
    std::array<float, 1024> sample;
    const std::size_t step = values.size() / sample.size();
    for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = values[i * step];
    const auto middle = sample.begin() + sample.size() / 2;
    std::nth_element(sample.begin(), middle, sample.end());
    const float centre = *middle;
    for (float& x : sample) x = std::abs(x - centre);
    std::sort(sample.begin(), sample.end());
    // The median distance, of those that are not 0.
    const auto first = std::upper_bound(sample.begin(), sample.end(), 0.0f);
    const float largest = std::max(range.max - centre, centre - range.min);
    const float spread = first == sample.end() ? largest : *(first + (sample.end() - first) / 2);
    return {centre, spread / 8, largest, k <= 64 ? 10 : 11};
}

/// Sums of the values in each cell about the cells' centre.
inline std::vector<moment_sums> cell_sums(std::span<const float> values, std::span<const float> weights,
                                          const value_cells& cells, const executor& exec) {
    // Each slice has a table of its own, which should be small beside it.
    const std::ptrdiff_t n = std::ssize(values);
    const std::ptrdiff_t slices = std::clamp<std::ptrdiff_t>(n / (64 * cells.count()), 1, 8),
                         length = ceil_div(n, slices);
    std::vector<std::vector<moment_sums>> sums(static_cast<std::size_t>(slices));
    const double centre = double(cells.centre());
    exec.parallel_for(slices, [&](std::ptrdiff_t s) {
        auto& mine = sums[static_cast<std::size_t>(s)];
        mine.resize(static_cast<std::size_t>(cells.count()));
        const auto count = [&](auto weight_of) {
            by_sixteen(s * length, std::min(n, (s + 1) * length), [=, own = mine.data()](std::ptrdiff_t i) {
                const float x = values[static_cast<std::size_t>(i)];
                own[cells(x)].add(weight_of(static_cast<std::size_t>(i)), double(x) - centre);
            });
        };
        if (weights.empty()) {
            count([](std::size_t) { return 1.0; });
        } else {
            count([&](std::size_t i) { return double(weights[i]); });
        }
    });
    for (std::size_t s = 1; s < sums.size(); ++s) {
        for (std::size_t c = 0; c < sums[0].size(); ++c) sums[0][c].add(sums[s][c], 0);
    }
    return std::move(sums[0]);
}

/// Close to the best k clusters, or fewer where there are fewer distinct values. Few values, or many clusters, are
/// solved exactly. Errors: see check_kmeans_input and check_finite.
inline kmeans_solution fast_kmeans(std::span<const float> values, std::span<const float> weights, std::ptrdiff_t k,
                                   const executor& exec) {
    check_kmeans_input(values, weights, k);
    check_finite(values);
    if (std::none_of(weights.begin(), weights.end(), [](float w) { return w > 0; })) weights = {};
    const auto exactly = [&] { return kmeans_solver(values, weights, exec).solve(k); };
    if (std::ssize(values) < 1 << 15 || k > 4096) return exactly();
    const extent range = find_extent(values.data(), std::ssize(values), {values[0], values[0]});
    if (range.min == range.max || double(range.max) - double(range.min) >= 0x1p126) return exactly();

    const value_cells cells = cells_for(values, range, k);
    std::vector<moment_sums> sums = cell_sums(values, weights, cells, exec);
    std::erase_if(sums, [](const moment_sums& cell) { return !(cell.weight > 0); });
    if (std::ssize(sums) < 16 * k) return exactly();
    sorted_points points;
    for (const moment_sums& cell : sums) points.push_back(cell.weight, cell.moment / cell.weight);
    const auto cluster = [&](std::int32_t first, std::int32_t last) {
        const double origin = points.value[static_cast<std::size_t>(first)];
        moment_sums all;
        for (auto c = static_cast<std::size_t>(first); c < static_cast<std::size_t>(last); ++c)
            all.add(sums[c], -origin);
        return std::pair{all.error(), double(cells.centre()) + origin + all.moment / all.weight};
    };
    const auto solve = [&](double price) {
        link_path path{least_cost_nodes(points, {}, price, exec)};
        path.cost = clusters_between(path.nodes, exec, cluster).objective;
        return path;
    };
    // A first price as if D(k) were D(1)·2.7/k², as for gaussian data.
    double price = 5 * cluster(0, static_cast<std::int32_t>(points.size())).first / std::pow(double(k), 3) +
                   std::numeric_limits<double>::min();
    int paths = 0;
    const link_path best = path_with_links(solve, k, price, paths);
    kmeans_solution solution = clusters_between(best.nodes, exec, cluster);
    solution.iterations = paths;
    return solution;
}

}  // namespace lowbit::detail
