// SPDX-License-Identifier: Apache-2.0
/// @file
/// Globally optimal one-dimensional k-means of many values, without sorting most of them.
///
/// Values are first counted into cells (value_cells.hpp), of which each keeps Σ w, Σ w·y and Σ w·y². Cuts between
/// cells only give a shortest path (least_cost_path.hpp) that is already within a few thousandths of a decibel: `fast`.
///
/// The optimum may cut inside a cell. How much can that gain? Give the whole cell to the side where its mean m lies:
/// the error grows by 2g·Σ(y − b)₊ at most, for the cut b and the distance g of the means on both sides; that is at
/// most
///
///     δ = 2·g·w·(hi − m)(m − lo)/(hi − lo).
///
/// And at an optimum for the price λ of a cluster g is bounded: the points within r of the cut, of weight M, would
/// form a cluster of their own for λ + M·r² if they were far from both means, so g ≤ 2(r + √(r² + λ/M)) for any r.
/// Paths over cells whose inner nodes are credited the larger δ of their two cells thus cost no more than the true
/// optimum. Cells around the cuts of the best one are replaced by their sorted values until it uses no credit: then it
/// is the optimum itself.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/radix_sort.hpp>
#include <lowbit/schemes/least_cost_path.hpp>
#include <lowbit/schemes/value_cells.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// What the solver found: means of the clusters, ascending, their total squared error and how many paths it took.
struct kmeans_solution {
    std::vector<double> means;
    double objective = 0;
    int iterations = 0;
};

/// One problem: values and weights to k clusters.
class kmeans_solver {
public:
    /// Borrows the values; weights empty (all 1) or one per value, finite and ≥ 0. Errors: values or weights that are
    /// not.
    kmeans_solver(std::span<const float> values, std::span<const float> weights, const executor& exec)
        : values_(values), weights_(weights), exec_(exec) {
        check(weights.empty() || weights.size() == values.size(), "kmeans: ", weights.size(), " importance values for ",
              values.size(), " values");
        scan();
    }

    /// The best k clusters, or fewer where there are fewer distinct values. fast: cuts between cells only.
    kmeans_solution solve(std::ptrdiff_t k, bool fast) {
        check(k >= 1 && k <= 65536, "kmeans: ", k, " centroids; 1 to 65536 are supported");
        kmeans_solution solution;
        if (values_.empty()) return solution;
        if (low_ == high_) return {{double(low_)}, 0.0, 0};
        // Cells pay off where there are many values in each, and many cells in a cluster.
        const bool count_cells =
            std::ssize(values_) >= 1 << 15 && k <= (fast ? 4096 : 400) && double(high_) - double(low_) < 0x1p126;
        if (count_cells) {
            make_cells(k, fast);
            count();
        }
        if (std::ssize(cells_) < 16 * k) refine_all();
        build();
        if (sorted_.size() <= k) return summarize({}, 0);
        const std::int32_t last = static_cast<std::int32_t>(sorted_.size());
        if (k == 1) return summarize({0, last}, 0);

        // A first price as if D(k) were D(1)·2.7/k², as for gaussian data.
        const double total = sorted_.cluster(0, last).first;
        double price = 5 * total / std::pow(double(k), 3) + std::numeric_limits<double>::min();
        credit_.clear();
        path_solver solver(sorted_, credit_);
        const auto plain_path = [&](double p) {
            solver.solve(p);
            return solver.path();
        };
        link_path path = path_with_links(plain_path, k, price, solution.iterations);
        if (!fast && !all_refined()) {
            // Cuts that move together cost little, so that they would go about k/4 cells for the credit of a cell.
            reach_ = static_cast<int>(k / 4) + 8;
            std::vector<bool> wanted(static_cast<std::size_t>(last));
            add_around(path.nodes, wanted);
            refine(wanted);
            path = path_with_links([&](double p) { return exact_path(p); }, k, price, solution.iterations);
        }
        return summarize(std::move(path.nodes), solution.iterations);
    }

private:
    /// Values in one cell, or one distinct value.
    struct cell {
        std::int32_t index = 0;  // in the map; unused for single values
        bool refined = false;    // its values are in points_
        double weight = 0, moment = 0, square = 0;
    };
    struct cell_sums {
        double weight = 0, moment = 0, square = 0;
    };

    double weight(std::size_t i) const { return weighted_ ? double(weights_[i]) : 1.0; }

    /// Slices of the values: as many as the problem wants, whatever the threads.
    std::ptrdiff_t slices() const { return std::clamp<std::ptrdiff_t>(std::ssize(values_) >> 18, 1, 8); }
    std::pair<std::size_t, std::size_t> slice(std::ptrdiff_t s) const { return slice(s, slices()); }
    std::pair<std::size_t, std::size_t> slice(std::ptrdiff_t s, std::ptrdiff_t parts) const {
        const std::ptrdiff_t n = std::ssize(values_), step = ceil_div(n, parts);
        return {static_cast<std::size_t>(std::min(n, s * step)), static_cast<std::size_t>(std::min(n, (s + 1) * step))};
    }

    /// Smallest and largest value; everything finite, weights not negative.
    void scan() {
        struct part {
            float low = std::numeric_limits<float>::infinity(), high = -low;
            std::uint32_t worst = 0;
            double weight = 0;
            bool bad_weight = false;
        };
        std::array<part, 8> parts;
        exec_.parallel_for(slices(), [&](std::ptrdiff_t s) {
            part p;
            const auto [first, last] = slice(s);
            for (std::size_t i = first; i < last; ++i) {
                const float x = values_[i];
                p.worst = std::max(p.worst, std::bit_cast<std::uint32_t>(x) & 0x7fffffffu);
                p.low = x < p.low ? x : p.low;
                p.high = x > p.high ? x : p.high;
            }
            for (std::size_t i = first; i < (weights_.empty() ? first : last); ++i) {
                const float w = weights_[i];
                p.bad_weight |= !is_finite(w) || w < 0;
                p.weight += double(w);
            }
            parts[static_cast<std::size_t>(s)] = p;
        });
        part all;
        for (std::ptrdiff_t s = 0; s < slices(); ++s) {
            const part& p = parts[static_cast<std::size_t>(s)];
            all.low = std::min(all.low, p.low);
            all.high = std::max(all.high, p.high);
            all.worst = std::max(all.worst, p.worst);
            all.weight += p.weight;
            all.bad_weight |= p.bad_weight;
        }
        if (all.worst >= 0x7f800000u) {
            for (std::size_t i = 0; i < values_.size(); ++i) {
                check(is_finite(values_[i]), "kmeans: value ", values_[i], " at index ", i, " is not finite");
            }
        }
        for (std::size_t i = 0; all.bad_weight && i < weights_.size(); ++i) {
            check(is_finite(weights_[i]) && weights_[i] >= 0, "kmeans: importance ", weights_[i], " at index ", i,
                  " is not finite and at least 0");
        }
        low_ = all.low;
        high_ = all.high;
        weighted_ = all.weight > 0;  // no importance anywhere: all values count alike
    }

    /// Centre and spread from a sample; cells fine enough that a cluster has many.
    void make_cells(std::ptrdiff_t k, bool fast) {
        std::array<float, 1024> sample;
        const std::size_t step = values_.size() / sample.size();
        for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = values_[i * step];
        const auto middle = sample.begin() + sample.size() / 2;
        std::nth_element(sample.begin(), middle, sample.end());
        const float centre = *middle;
        for (float& x : sample) x = std::abs(x - centre);
        std::sort(sample.begin(), sample.end());
        // The median distance, of those that are not 0.
        const auto first = std::upper_bound(sample.begin(), sample.end(), 0.0f);
        const float largest = static_cast<float>(
            std::min(std::max(double(high_) - double(centre), double(centre) - double(low_)), 0x1p127));
        const float spread = first == sample.end() ? largest : *(first + (sample.end() - first) / 2);
        // Paths of k − 1 or k + 1 clusters cost so little more that credits must be small: about k² cells and more.
        const int bits = fast || k <= 64 ? 12 : k <= 128 || std::ssize(values_) < 1 << 22 ? 14 : 15;
        map_ = value_cells(centre, spread / 8, largest, bits);
    }

    /// Sums per cell, cells that are not empty.
    void count() {
        // Each part has a table of its own, which should be small beside it.
        const std::ptrdiff_t parts = std::clamp<std::ptrdiff_t>(std::ssize(values_) / (4 * map_.count()), 1, slices());
        std::vector<std::vector<cell_sums>> sums(static_cast<std::size_t>(parts));
        const double centre = double(map_.centre());
        exec_.parallel_for(parts, [&](std::ptrdiff_t s) {
            auto& mine = sums[static_cast<std::size_t>(s)];
            mine.resize(static_cast<std::size_t>(map_.count()));
            const auto [first, last] = slice(s, parts);
            for (std::size_t i = first; i < last; ++i) {
                const double y = double(values_[i]) - centre, w = weight(i);
                cell_sums& sum = mine[static_cast<std::size_t>(map_(values_[i]))];
                sum.weight += w;
                sum.moment += w * y;
                sum.square += w * y * y;
            }
        });
        cells_.clear();
        for (std::ptrdiff_t i = 0; i < map_.count(); ++i) {
            cell_sums sum;
            for (const auto& part : sums) {
                const cell_sums& p = part[static_cast<std::size_t>(i)];
                sum.weight += p.weight;
                sum.moment += p.moment;
                sum.square += p.square;
            }
            if (sum.weight > 0)
                cells_.push_back({static_cast<std::int32_t>(i), false, sum.weight, sum.moment, sum.square});
        }
    }

    bool all_refined() const {
        return std::all_of(cells_.begin(), cells_.end(), [](const cell& c) { return c.refined; });
    }

    /// Every value a point of its own.
    void refine_all() {
        if (cells_.empty()) {  // nothing was counted: one cell for all
            map_ = value_cells(low_ / 2 + high_ / 2, 1, 1, 0);
            cells_.assign(1, {});
        }
        for (cell& c : cells_) c.refined = true;
        collect();
    }

    /// Gathers and sorts the values of the refined cells.
    void collect() {
        const bool everything = all_refined();
        std::vector<std::uint8_t> wanted;
        if (!everything) {
            wanted.assign(static_cast<std::size_t>(map_.count()), 0);
            for (const cell& c : cells_) wanted[static_cast<std::size_t>(c.index)] = c.refined;
        }
        std::vector<std::vector<weighted_value>> parts(static_cast<std::size_t>(slices()));
        exec_.parallel_for(slices(), [&](std::ptrdiff_t s) {
            auto& mine = parts[static_cast<std::size_t>(s)];
            std::array<weighted_value, 1024> block;
            const auto [first, last] = slice(s);
            for (std::size_t from = first; from < last; from += block.size()) {
                const std::size_t to = std::min(from + block.size(), last);
                std::size_t filled = 0;
                for (std::size_t i = from; i < to; ++i) {
                    const float w = weighted_ ? weights_[i] : 1.0f;
                    block[filled] = {values_[i] == 0 ? 0.0f : values_[i], w};  // one zero
                    filled += (everything || wanted[static_cast<std::size_t>(map_(values_[i]))] != 0) && w > 0;
                }
                mine.insert(mine.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(filled));
            }
        });
        points_.clear();
        std::size_t total = 0;
        for (const auto& part : parts) total += part.size();
        points_.reserve(total);
        for (const auto& part : parts) points_.insert(points_.end(), part.begin(), part.end());
        std::vector<weighted_value> spare(total);
        radix_sort(points_.data(), std::ssize(points_), spare.data());
    }

    /// Calls f(sums about the centre, low, high, value) in ascending order: for cells as they are, and for each
    /// distinct value of the refined ones, where low = high.
    template <class Function>
    void for_each_cell(Function f) const {
        const double centre = double(map_.centre());
        const bool everything = all_refined();
        std::size_t at = 0;
        for (const cell& c : cells_) {
            if (!c.refined) {
                const auto [low, high] = map_.hull_of(c.index);
                f(cell_sums{c.weight, c.moment, c.square}, low, high);
                continue;
            }
            while (at < points_.size() && (everything || map_(points_[at].value) == c.index)) {
                double w = 0;
                const float x = points_[at].value;
                const double y = double(x) - centre;
                for (; at < points_.size() && points_[at].value == x; ++at) w += double(points_[at].weight);
                f(cell_sums{w, w * y, w * y * y}, y, y);
            }
            if (everything) break;
        }
    }

    /// The points of the paths: cells and single values in ascending order.
    void build() {
        sorted_ = {};
        low_edge_.clear();
        high_edge_.clear();
        for_each_cell([&](const cell_sums& sums, double low, double high) {
            const double mean = low == high ? low : std::clamp(sums.moment / sums.weight, low, high);
            sorted_.push_back(sums.weight, mean, low == high ? 0.0 : std::max(0.0, sums.square - sums.moment * mean));
            low_edge_.push_back(low);
            high_edge_.push_back(high);
        });
    }

    /// δ of a cell (see the file's head), for a price. before: weight of all cells in front of a cell.
    double gain_inside(std::size_t c, double price, const std::vector<double>& before) const {
        const double low = low_edge_[c], high = high_edge_[c];
        if (low == high) return 0;
        const std::size_t last = low_edge_.size() - 1;
        double gap = std::numeric_limits<double>::infinity();
        for (const std::size_t reach : {0u, 8u, 32u, 128u, 512u}) {
            const std::size_t from = c - std::min(c, reach), to = std::min(last, c + reach);
            const double r = std::max(high_edge_[to] - low, high - low_edge_[from]);
            gap = std::min(gap, 2 * (r + std::sqrt(r * r + price / (before[to + 1] - before[from]))));
        }
        const double mean = sorted_.value[c], w = sorted_.weight[c];
        return 2 * gap *
               std::min(w * (high - mean) * (mean - low) / (high - low), std::sqrt(w * sorted_.scatter[c]) / 2);
    }

    /// The best path for a price over cuts anywhere: refines cells around it until no credit is used.
    link_path exact_path(double price) {
        for (;; reach_ *= 2) {
            const auto cells = static_cast<std::size_t>(sorted_.size());
            std::vector<double> before(cells + 1), gain(cells);
            std::inclusive_scan(sorted_.weight.begin(), sorted_.weight.end(), before.begin() + 1);
            for (std::size_t c = 0; c < cells; ++c) gain[c] = gain_inside(c, price, before);
            credit_.assign(cells + 1, 0);
            for (std::size_t j = 1; j < cells; ++j) credit_[j] = std::max(gain[j - 1], gain[j]);
            // Several cuts in one cell are covered only where δ ≤ λ.
            std::vector<bool> wanted(cells);
            for (std::size_t c = 0; c < cells; ++c) wanted[c] = gain[c] > price;
            bool refined = std::find(wanted.begin(), wanted.end(), true) != wanted.end();
            if (!refined) {
                path_solver solver(sorted_, credit_);
                solver.solve(price);
                link_path path = solver.path();
                for (const std::int32_t node : path.nodes) refined |= credit_[static_cast<std::size_t>(node)] > 0;
                if (!refined) return path;
                add_around(path.nodes, wanted);
            }
            refine(wanted);
        }
    }

    /// Wants the cells within reach of the cuts.
    void add_around(const std::vector<std::int32_t>& nodes, std::vector<bool>& wanted) const {
        for (std::size_t i = 1; i + 1 < nodes.size(); ++i) {
            // Single values in between do not count: the reach is one of cells.
            const auto is_cell = [&](std::size_t at) { return low_edge_[at] < high_edge_[at]; };
            std::size_t c = static_cast<std::size_t>(nodes[i]), last = c;
            for (int left = reach_; left > 0 && c > 0; --c) left -= is_cell(c - 1);
            for (int left = reach_; left > 0 && last < wanted.size(); ++last) left -= is_cell(last);
            for (; c < last; ++c) wanted[c] = true;
        }
    }

    /// Replaces the wanted cells (numbered as in sorted_) by their values.
    void refine(const std::vector<bool>& wanted) {
        auto at = cells_.begin();
        for (std::size_t c = 0; c < wanted.size(); ++c) {
            if (low_edge_[c] == high_edge_[c]) continue;  // a single value
            while (at->refined) ++at;
            at->refined = wanted[c];
            ++at;
        }
        collect();
        build();
    }

    /// Means and error of the clusters between the nodes; no nodes: every point its own cluster.
    kmeans_solution summarize(std::vector<std::int32_t> nodes, int iterations) const {
        if (nodes.empty()) {
            nodes.resize(static_cast<std::size_t>(sorted_.size()) + 1);
            std::iota(nodes.begin(), nodes.end(), 0);
        }
        kmeans_solution solution;
        solution.iterations = iterations;
        for (std::size_t i = 1; i < nodes.size(); ++i) {
            const auto [error, mean] = sorted_.cluster(nodes[i - 1], nodes[i]);
            solution.means.push_back(double(map_.centre()) + mean);
            solution.objective += error;
        }
        return solution;
    }

    std::span<const float> values_, weights_;
    executor exec_;
    float low_ = 0, high_ = 0;
    bool weighted_ = false;
    value_cells map_;
    std::vector<cell> cells_;
    std::vector<weighted_value> points_;  // what is in refined cells, sorted
    sorted_points sorted_;
    std::vector<double> low_edge_, high_edge_;  // of each of them
    std::vector<double> credit_;                // of the nodes between them
    int reach_ = 0;                             // cells to refine on both sides of a cut
};

}  // namespace lowbit::detail
