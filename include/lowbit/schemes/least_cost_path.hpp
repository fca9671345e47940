// SPDX-License-Identifier: Apache-2.0
/// @file
/// The best way to cut sorted weighted points into k runs: one-dimensional k-means as a shortest path.
///
/// Node j stands before point j; a link from i to j makes points i … j−1 one cluster and costs its squared error
///
///     c(i, j) = Σ w·y² − (Σ w·y)²/Σ w = (Q[j] − Q[i]) − (S[j] − S[i])²/(W[j] − W[i])        (prefix sums W, S, Q)
///
/// c is Monge: c(i, j) + c(i', j') ≤ c(i, j') + c(i', j) for i < i' ≤ j < j'. So the best parents of a row are
/// monotone, the least cost D(k) of a path of k links is convex in k, and k links need no dynamic program in k: a price
/// λ on every link gives one over the nodes alone (Grønlund et al. 2017, "Fast exact k-means, k-medians and Bregman
/// divergence clustering in 1D"; Aggarwal, Schieber and Tokuyama 1994). The right λ is found by search, and where none
/// gives exactly k, two best paths of one λ are spliced.
#pragma once

#include <lowbit/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// Weighted points in ascending order. A point may stand for several values: then `scatter` is Σ w·(x − value)² of
/// theirs about their mean `value`.
struct sorted_points {
    std::vector<double> weight, value, scatter;

    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(weight.size()); }

    void push_back(double w, double x, double within) {
        weight.push_back(w);
        value.push_back(x);
        scatter.push_back(within);
    }

    /// Squared error of the points first … last−1 as one cluster, and their mean. O(last − first).
    std::pair<double, double> cluster(std::ptrdiff_t first, std::ptrdiff_t last) const {
        const double origin = value[static_cast<std::size_t>(first)];  // local: nothing large cancels
        double sum_weight = 0, moment = 0, square = 0;
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            const double y = value[i] - origin;
            sum_weight += weight[i];
            moment += weight[i] * y;
            square += scatter[i] + weight[i] * y * y;
        }
        return {std::max(0.0, square - moment * moment / sum_weight), origin + moment / sum_weight};
    }
};

/// Nodes from 0 to the last, ascending: clusters are what lies between them.
struct link_path {
    std::vector<std::int32_t> nodes;
    double cost = 0;  ///< Σ c over its links, less the credits of its inner nodes

    std::ptrdiff_t links() const { return static_cast<std::ptrdiff_t>(nodes.size()) - 1; }
    /// Cost when every link is charged the price as well.
    double priced(double price) const { return cost + price * static_cast<double>(links()); }
};

/// Shortest paths from node 0 to every node when each link is charged a price and each inner node pays a credit.
class path_solver {
public:
    /// Borrows the points. credit: one per node, or empty for none.
    path_solver(const sorted_points& points, const std::vector<double>& credit)
        : points_(points), credit_(credit), cost_(points.weight.size() + 1), parent_(cost_.size()) {}

    /// Solves for a price ≥ 0. Rows go in blocks that take their parents from before the block, by divide and conquer
    /// over the monotone best parents; when the block's last row has no better parent inside the block, then no row
    /// has, else the block is tried again at half its length. Sums are taken about the middle of each block, so that
    /// neither outliers nor far clusters cost precision. Complexity: O(m log m) for m points.
    void solve(double price) {
        price_ = price;
        const std::ptrdiff_t last = points_.size();
        for (std::ptrdiff_t done = 0; done < last;) {
            // A cluster about as long as the one before fits: its rows cannot start inside of it.
            const std::ptrdiff_t before = parent_[static_cast<std::size_t>(done)];
            std::ptrdiff_t rows = std::clamp<std::ptrdiff_t>((done - before) * 7 / 8, 1, last - done);
            enter_block(before, done, done + rows);
            for (;; rows /= 2) {
                fill(done + 1, done + rows, before, done);
                if (rows == 1 || !better_inside(done + 1, done + rows)) break;
            }
            done += rows;
        }
    }

    /// The path to the last node. O(m).
    link_path path() const {
        link_path found;
        for (auto node = static_cast<std::int32_t>(points_.size());; node = parent_[static_cast<std::size_t>(node)]) {
            found.nodes.push_back(node);
            if (node == 0) break;
        }
        std::reverse(found.nodes.begin(), found.nodes.end());
        found.cost = path_cost(found.nodes);
        return found;
    }

    /// Least priced cost of reaching a node; its own credit is not taken off yet.
    double cost(std::ptrdiff_t node) const { return cost_[static_cast<std::size_t>(node)]; }

    double path_cost(const std::vector<std::int32_t>& nodes) const {
        double cost = 0;
        for (std::size_t i = 1; i < nodes.size(); ++i) {
            cost += points_.cluster(nodes[i - 1], nodes[i]).first;
            if (i + 1 < nodes.size()) cost -= credit(nodes[i]);
        }
        return cost;
    }

private:
    double credit(std::ptrdiff_t node) const { return credit_.empty() ? 0.0 : credit_[static_cast<std::size_t>(node)]; }

    /// Prefix sums at the nodes first … last about the middle one, where they are 0, and the costs of the parents less
    /// their sums of squares: a link from i to j then costs start[i] − (S[j] − S[i])²/(W[j] − W[i]) + Q[j].
    void enter_block(std::ptrdiff_t first, std::ptrdiff_t middle, std::ptrdiff_t last) {
        block_ = first;
        const auto nodes = static_cast<std::size_t>(last - first + 1);
        for (auto* column : {&weight_, &moment_, &square_, &start_}) {
            if (column->size() < nodes) column->resize(2 * nodes);
        }
        const double origin = points_.value[static_cast<std::size_t>(middle)];
        const auto at = static_cast<std::size_t>(middle - first);
        weight_[at] = moment_[at] = square_[at] = 0;
        constexpr double infinity = std::numeric_limits<double>::infinity();
        for (std::size_t j = at; j + 1 < nodes; ++j) {
            const auto [w, m, q] = about(origin, first + static_cast<std::ptrdiff_t>(j));
            // A weight too small to move the sum moves it by an ulp: no two nodes may be at the same weight.
            weight_[j + 1] = std::max(weight_[j] + w, std::nextafter(weight_[j], infinity));
            moment_[j + 1] = moment_[j] + m;
            square_[j + 1] = square_[j] + q;
        }
        for (std::size_t j = at; j-- > 0;) {
            const auto [w, m, q] = about(origin, first + static_cast<std::ptrdiff_t>(j));
            weight_[j] = std::min(weight_[j + 1] - w, std::nextafter(weight_[j + 1], -infinity));
            moment_[j] = moment_[j + 1] - m;
            square_[j] = square_[j + 1] - q;
        }
        for (std::size_t j = 0; j <= at; ++j) set_start(j);
    }

    struct sums {
        double weight, moment, square;
    };
    sums about(double origin, std::ptrdiff_t point) const {
        const auto i = static_cast<std::size_t>(point);
        const double w = points_.weight[i], y = points_.value[i] - origin;
        return {w, w * y, points_.scatter[i] + w * y * y};
    }

    void set_start(std::size_t at) {
        const std::ptrdiff_t node = block_ + static_cast<std::ptrdiff_t>(at);
        start_[at] = cost(node) - (node == 0 ? 0.0 : credit(node)) - square_[at];
    }

    struct choice {
        double value;  ///< least start − (ΔS)²/ΔW
        std::ptrdiff_t parent;
    };

    /// The best of the parents first … last for a row, the leftmost of equals.
    choice best_parent(std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t last) const {
        const double* const weight = weight_.data() - block_;
        const double* const moment = moment_.data() - block_;
        const double* const start = start_.data() - block_;
        const double row_weight = weight[row], row_moment = moment[row];
        choice best{std::numeric_limits<double>::infinity(), first};
        for (std::ptrdiff_t i = first; i <= last; ++i) {
            const double sum = row_moment - moment[i];
            const double value = start[i] - sum * sum / (row_weight - weight[i]);
            best = value < best.value ? choice{value, i} : best;
        }
        return best;
    }

    void fill(std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t parent_first, std::ptrdiff_t parent_last) {
        while (first <= last) {
            const std::ptrdiff_t middle = first + (last - first) / 2;
            const auto [value, parent] = best_parent(middle, parent_first, parent_last);
            cost_[static_cast<std::size_t>(middle)] =
                value + price_ + square_[static_cast<std::size_t>(middle - block_)];
            parent_[static_cast<std::size_t>(middle)] = static_cast<std::int32_t>(parent);
            fill(first, middle - 1, parent_first, parent);
            first = middle + 1;
            parent_first = parent;
        }
    }

    /// Whether the last row would rather come from another row of its block.
    bool better_inside(std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) set_start(static_cast<std::size_t>(row - block_));
        const double inside = best_parent(last, first, last - 1).value;
        return inside + price_ + square_[static_cast<std::size_t>(last - block_)] < cost(last);
    }

    const sorted_points& points_;
    const std::vector<double>& credit_;
    std::vector<double> cost_;
    std::vector<std::int32_t> parent_;
    double price_ = 0;
    // Of one block, beginning at node block_.
    std::ptrdiff_t block_ = 0;
    std::vector<double> weight_, moment_, square_, start_;
};

/// A path of `links` links out of one with fewer and one with more, both best for the same price: the few one up to a
/// link that holds one of the many's links inside, then the many one on (or the other way); Monge makes it best too.
inline std::vector<std::int32_t> splice(const std::vector<std::int32_t>& few, const std::vector<std::int32_t>& many,
                                        std::ptrdiff_t links) {
    const std::size_t shift = static_cast<std::size_t>(links) - (few.size() - 1);
    std::size_t i = 0;
    while (few[i + 1] < many[i + shift + 1]) ++i;
    // many's nodes 0 … i + shift, then few's i + 1 … end.
    std::vector<std::int32_t> spliced(many.begin(), many.begin() + static_cast<std::ptrdiff_t>(i + shift + 1));
    spliced.insert(spliced.end(), few.begin() + static_cast<std::ptrdiff_t>(i + 1), few.end());
    return spliced;
}

/// The least-cost path of exactly `links` links. solve(price) → link_path is best for a price; a price to begin with;
/// counts the calls in `iterations`. `points` ≥ links ≥ 1 is the number of points.
template <class Solve>
link_path path_with_links(const Solve& solve, std::ptrdiff_t links, double& price, int& iterations) {
    const auto k = static_cast<double>(links);
    link_path few, many;  // a best path with fewer links, of a higher price, and one with more
    double few_price = std::numeric_limits<double>::infinity(), many_price = 0;
    for (bool crossed = false;;) {
        link_path found = solve(price);
        ++iterations;
        if (found.links() == links) return found;
        // At the price where two best paths cost the same, nothing cheaper means that both are best there.
        const std::ptrdiff_t links_between = few.nodes.empty() || many.nodes.empty()
                                                 ? std::numeric_limits<std::ptrdiff_t>::max()
                                                 : many.links() - few.links();
        const bool stuck = crossed && (found.links() <= few.links() || found.links() >= many.links() ||
                                       found.priced(price) >= few.priced(price) - 1e-14 * std::abs(few.priced(price)));
        if (stuck) return {splice(few.nodes, many.nodes, links), few.priced(price) - price * k};
        if (found.links() < links) {
            few = std::move(found);
            few_price = price;
        } else {
            many = std::move(found);
            many_price = price;
        }
        // D(k) falls about as k^−2, the price as k^−3.
        crossed = false;
        if (few.nodes.empty()) {
            const double ratio = k / static_cast<double>(many.links());
            price *= std::max(1.5, 1.0 / (ratio * ratio * ratio));
        } else if (many.nodes.empty()) {
            const double ratio = static_cast<double>(few.links()) / k;
            price *= std::min(0.66, ratio * ratio * ratio);
        } else {
            const double few_links = static_cast<double>(few.links()), many_links = static_cast<double>(many.links());
            const double cross = (few.cost - many.cost) / (many_links - few_links);
            const double along = std::log(k / few_links) / std::log(many_links / few_links);
            const double power = few_price * std::pow(many_price / few_price, along);
            const bool narrowed = many.links() - few.links() < links_between;
            crossed = many_links - few_links <= 2 + k / 16 || !narrowed || !(power > many_price && power < few_price);
            price = crossed ? cross : power;
        }
    }
}

}  // namespace lowbit::detail
