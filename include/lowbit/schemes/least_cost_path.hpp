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

#include <lowbit/core/executor.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/best_parents.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// Weighted points in ascending order; a point may stand for several values by their mean.
struct sorted_points {
    uninitialized_vector<double> weight, value;

    std::ptrdiff_t size() const { return std::ssize(weight); }

    void push_back(double w, double x) {
        weight.push_back(w);
        value.push_back(x);
    }
    /// Points without values yet; those there were are lost.
    void resize(std::size_t count) {
        for (auto* column : {&weight, &value}) {
            column->clear();
            column->resize(count);
        }
    }
};

/// Nodes from 0 to the last, ascending: clusters are what lies between them.
struct link_path {
    std::vector<std::int32_t> nodes;
    double cost = 0;  ///< Σ c over its links

    std::ptrdiff_t links() const { return std::ssize(nodes) - 1; }
    /// Cost when every link is charged the price as well.
    double priced(double price) const { return cost + price * static_cast<double>(links()); }
};

/// Shortest paths from one end to nodes when each link is charged a price and each inner node pays a credit. Nodes are
/// numbered from that end.
class path_sweep {
public:
    /// Borrows the points. credit: one per node, or empty for none. backward: from the last node on.
    path_sweep(const sorted_points& points, const uninitialized_vector<double>& credit, bool backward)
        : points_(points), credit_(credit), backward_(backward) {}

    /// Nodes 0 … last, for a price ≥ 0. Rows go in blocks that take their parents from before the block, by divide and
    /// conquer over the monotone best parents; when the block's last row has no better parent inside the block, then no
    /// row has, else the block is tried again at half its length. Sums are taken about the middle of each block, so
    /// that neither outliers nor far clusters cost precision. Complexity: O(m log m) for m points.
    void solve(double price, std::ptrdiff_t last) {
        price_ = price;
        const auto nodes = static_cast<std::size_t>(points_.size() + 1);
        cost_.clear();
        cost_.resize(nodes);
        parent_.clear();
        parent_.resize(nodes);
        cost_[0] = 0;
        parent_[0] = 0;
        for (std::ptrdiff_t done = 0; done < last;) {
            // A cluster about as long as the one before fits: its rows cannot start inside of it.
            std::ptrdiff_t rows = std::clamp<std::ptrdiff_t>((done - parent(done)) * 7 / 8, 1, last - done);
            enter_block(done, done + rows);
            for (;; rows /= 2) {
                fill(done, done + rows);
                if (rows == 1 || !better_inside(done + 1, done + rows)) break;
            }
            done += rows;
        }
    }

    /// The nodes middle + 1 … last where their parents are at most `middle`, which is solved.
    void reach_beyond(std::ptrdiff_t middle, std::ptrdiff_t last) {
        enter_block(middle, last);
        fill(middle, last);
    }

    /// Least priced cost of reaching a node; its own credit is not taken off yet.
    double cost(std::ptrdiff_t node) const { return cost_[static_cast<std::size_t>(node)]; }
    std::ptrdiff_t parent(std::ptrdiff_t node) const { return parent_[static_cast<std::size_t>(node)]; }

private:
    /// Prefix sums at the nodes from the middle one's parent to the last, about the middle one, where they are 0, and
    /// the costs of the parents less their sums of squares: a link from i to j then costs
    /// start[i] − (S[j] − S[i])²/(W[j] − W[i]) + Q[j].
    void enter_block(std::ptrdiff_t middle, std::ptrdiff_t last) {
        block_ = parent(middle);
        const auto nodes = static_cast<std::size_t>(last - block_ + 1);
        if (weight_.size() < nodes + 8) {
            for (auto* column : {&weight_, &moment_, &square_, &start_, &value_}) column->resize(2 * nodes + 8);
            best_.resize(2 * nodes + 8);
        }
        const std::ptrdiff_t points = points_.size();
        const std::ptrdiff_t step = backward_ ? -1 : 1, first_point = backward_ ? points - 1 - block_ : block_;
        const double* const weights = points_.weight.data() + first_point;
        const double* const values = points_.value.data() + first_point;
        const auto at = static_cast<std::size_t>(middle - block_);
        const double origin = values[static_cast<std::ptrdiff_t>(at) * step];
        weight_[at] = moment_[at] = square_[at] = 0;
        constexpr double infinity = std::numeric_limits<double>::infinity();
        for (std::size_t j = at; j + 1 < nodes; ++j) {
            const std::ptrdiff_t point = static_cast<std::ptrdiff_t>(j) * step;
            const double w = weights[point], y = (values[point] - origin) * static_cast<double>(step);
            weight_[j + 1] = weight_[j] + w;
            moment_[j + 1] = moment_[j] + w * y;
            square_[j + 1] = square_[j] + w * y * y;
            // A weight too small to move the sum moves it by an ulp: no two nodes may be at the same weight.
            if (weight_[j + 1] == weight_[j]) weight_[j + 1] = std::nextafter(weight_[j], infinity);
        }
        for (std::size_t j = at; j-- > 0;) {
            const std::ptrdiff_t point = static_cast<std::ptrdiff_t>(j) * step;
            const double w = weights[point], y = (values[point] - origin) * static_cast<double>(step);
            weight_[j] = weight_[j + 1] - w;
            moment_[j] = moment_[j + 1] - w * y;
            square_[j] = square_[j + 1] - w * y * y;
            if (weight_[j] == weight_[j + 1]) weight_[j] = std::nextafter(weight_[j + 1], -infinity);
        }
        for (std::size_t j = 0; j <= at; ++j) set_start(j);
    }

    void set_start(std::size_t at) {
        const std::ptrdiff_t node = block_ + static_cast<std::ptrdiff_t>(at);
        const auto own = static_cast<std::size_t>(backward_ ? points_.size() - node : node);
        start_[at] = cost(node) - (node == 0 || credit_.empty() ? 0.0 : credit_[own]) - square_[at];
    }

    parent_rows rows() { return {weight_.data(), moment_.data(), start_.data(), value_.data(), best_.data()}; }

    /// Costs and parents of the nodes middle + 1 … last.
    void fill(std::ptrdiff_t middle, std::ptrdiff_t last) {
        best_parents(rows(), middle + 1 - block_, last - block_, 0, middle - block_);
        for (std::ptrdiff_t node = middle + 1; node <= last; ++node) {
            const auto row = static_cast<std::size_t>(node - block_);
            cost_[static_cast<std::size_t>(node)] = value_[row] + price_ + square_[row];
            parent_[static_cast<std::size_t>(node)] = static_cast<std::int32_t>(block_) + best_[row];
        }
    }

    /// Whether the last row would rather come from another row of its block.
    bool better_inside(std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) set_start(static_cast<std::size_t>(row - block_));
        const auto row = static_cast<std::size_t>(last - block_);
        best_parents(rows(), last - block_, last - block_, first - block_, last - 1 - block_);
        return value_[row] + price_ + square_[row] < cost(last);
    }

    const sorted_points& points_;
    const uninitialized_vector<double>& credit_;
    bool backward_;
    uninitialized_vector<double> cost_;
    uninitialized_vector<std::int32_t> parent_;
    double price_ = 0;
    // Of one block, beginning at node block_.
    std::ptrdiff_t block_ = 0;
    std::vector<double> weight_, moment_, square_, start_, value_;
    std::vector<std::int32_t> best_;
};

/// Best paths of points that may change from one to the next; keeps its memory.
class path_solver {
public:
    /// Borrows the points, and a credit for each node or none where it is empty.
    path_solver(const sorted_points& points, const uninitialized_vector<double>& credit)
        : points_(points), credit_(credit), left_(points, credit, false), right_(points, credit, true) {}

    /// The best path when each link is charged a price ≥ 0 and each inner node pays its credit: a sweep from each end
    /// to the middle, on two threads where the executor has them, and the best link across it. O(m log m) for m ≥ 1
    /// points.
    std::vector<std::int32_t> nodes(double price, const executor& exec) {
        const std::ptrdiff_t last = points_.size(), middle = last / 2;
        const executor serial;
        (last < 1024 ? serial : exec).parallel_for(2, [&](std::ptrdiff_t i) {
            i == 0 ? left_.solve(price, middle) : right_.solve(price, last - middle);
        });
        // Parents are monotone: the link across ends no later than that of the best path from the middle itself.
        const std::ptrdiff_t furthest = last - right_.parent(last - middle);
        left_.reach_beyond(middle, furthest);
        double least = std::numeric_limits<double>::infinity();
        std::ptrdiff_t join = furthest;
        for (std::ptrdiff_t node = middle + 1; node <= furthest; ++node) {
            const double own = node == last || credit_.empty() ? 0.0 : credit_[static_cast<std::size_t>(node)];
            const double cost = left_.cost(node) + right_.cost(last - node) - own;
            if (cost < least) least = cost, join = node;
        }
        std::vector<std::int32_t> found;
        for (std::ptrdiff_t node = join; node != 0; node = left_.parent(node)) {
            found.push_back(static_cast<std::int32_t>(node));
        }
        found.push_back(0);
        std::reverse(found.begin(), found.end());
        for (std::ptrdiff_t node = last - join; node != 0;) {
            node = right_.parent(node);
            found.push_back(static_cast<std::int32_t>(last - node));
        }
        return found;
    }

private:
    const sorted_points& points_;
    const uninitialized_vector<double>& credit_;
    path_sweep left_, right_;
};

/// One best path.
inline std::vector<std::int32_t> least_cost_nodes(const sorted_points& points,
                                                  const uninitialized_vector<double>& credit, double price,
                                                  const executor& exec) {
    return path_solver(points, credit).nodes(price, exec);
}

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
    double power = 3;  // D(k) falls about as k^−2, the price as k^−3
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
        crossed = false;
        if (few.nodes.empty() || many.nodes.empty()) {  // further each time
            const double ratio = static_cast<double>(few.nodes.empty() ? many.links() : few.links()) / k;
            price *= std::pow(ratio, power);
            power *= 1.5;
        } else {
            const double few_links = static_cast<double>(few.links()), many_links = static_cast<double>(many.links());
            const double cross = (few.cost - many.cost) / (many_links - few_links);
            const double along = std::log(k / few_links) / std::log(many_links / few_links);
            const double between = few_price * std::pow(many_price / few_price, along);
            const bool narrowed = many.links() - few.links() < links_between;
            crossed =
                many_links - few_links <= 2 + k / 16 || !narrowed || !(between > many_price && between < few_price);
            price = crossed ? cross : between;
        }
    }
}

}  // namespace lowbit::detail
