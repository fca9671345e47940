// SPDX-License-Identifier: Apache-2.0
/// @file
/// Globally optimal one-dimensional k-means of many values, most of which are never looked at one by one.
///
/// The optimum is a shortest path over sorted values (least_cost_path.hpp), with a price λ for each cluster. Runs of
/// values are merged into cells first. Cuts between cells only give a price, and a path that is already close; then
/// cells are made anew, fine near its cuts and ever wider away from them.
///
/// The optimum may still cut inside a cell. How much can that gain? Give the whole cell to the side where its mean m
/// lies: the error grows by 2g·Σ(y − b)₊ at most, for the cut b and the distance g of the means on both sides; that is
/// at most
///
///     δ = 2·g·w·(hi − m)(m − lo)/(hi − lo).
///
/// And at an optimum for the price λ of a cluster g is bounded: the points within r of the cut, of weight M, would
/// form a cluster of their own for λ + M·r² if they were far from both means, so g ≤ 2(r + √(r² + λ/M)) for any r.
/// Paths over cells whose inner nodes are credited the larger δ of their two cells thus cost no more than the true
/// optimum. Once the best one uses no credit, it is the optimum itself: all its cuts are between single values.
///
/// How wide may a cell be? Moving all cuts together is cheapest: h wide clusters of weight w that move by up to x cost
/// about w·x²/k for all of them, and k cells of width c there are credited about k·w·c²: widths of about x/k will do.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/schemes/least_cost_path.hpp>
#include <lowbit/schemes/value_runs.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// What a solver found: means of the clusters, ascending, their total squared error and how many paths it took.
struct kmeans_solution {
    std::vector<double> means;
    double objective = 0;
    int iterations = 0;
};

/// The clusters between the nodes of a path. cluster(first, last) → squared error and mean of a run.
template <class Cluster>
kmeans_solution clusters_between(std::span<const std::int32_t> nodes, const executor& exec, const Cluster& cluster) {
    const std::ptrdiff_t links = std::ssize(nodes) - 1, per_task = 16;
    kmeans_solution solution;
    solution.means.resize(static_cast<std::size_t>(links));
    std::vector<double> errors(solution.means.size());
    exec.parallel_for(ceil_div(links, per_task), [&](std::ptrdiff_t task) {
        const auto last = static_cast<std::size_t>(std::min(links, (task + 1) * per_task));
        for (auto i = static_cast<std::size_t>(task * per_task); i < last; ++i)
            std::tie(errors[i], solution.means[i]) = cluster(nodes[i], nodes[i + 1]);
    });
    solution.objective = std::accumulate(errors.begin(), errors.end(), 0.0);
    return solution;
}

/// The global optimum of values and weights that check_kmeans_input takes. Errors: see check_finite.
class kmeans_solver {
public:
    kmeans_solver(std::span<const float> values, std::span<const float> weights, const executor& exec)
        : values_(values, weights, exec), exec_(exec) {}
    kmeans_solver(const kmeans_solver&) = delete;  // the paths borrow the cells
    kmeans_solver& operator=(const kmeans_solver&) = delete;

    /// The best k clusters, or fewer where there are fewer distinct values.
    kmeans_solution solve(std::ptrdiff_t k) {
        const std::ptrdiff_t n = values_.size();
        if (n == 0) return {};
        if (k == 1 || values_[0] == values_[n - 1]) return summarize(std::array{0, static_cast<std::int32_t>(n)});
        int prices = 0;
        double price = expected_price(k);
        if (n < 4096 || n < 64 * k) {  // cells would not pay
            make_cells(0);
            if (points_.size() <= k) return summarize(first_);
            return summarize(path_with_links([&](double p) { return best_path(p); }, k, price, prices).nodes);
        }
        const auto over_cells = [&](double p) { return best_path(p); };
        for (bool ready = false; !ready;) {
            make_cells(price);
            if (points_.size() <= k) {
                if (merged_ == 0) return summarize(first_);
                price /= 64;
                continue;
            }
            const double made_for = price;
            const link_path path = path_with_links(over_cells, k, price, prices);
            start_ = path.nodes;
            start_price_ = price;
            if (merged_ == 0) break;
            if (price < made_for / 8) continue;  // values leave gaps: the price is below what was expected
            // From the middle of the prices for k clusters a few ulps of cells do not lead to k − 1 or k + 1.
            double higher = price * (1 + 3 / double(k)), lower = price / (1 + 3 / double(k));
            const double few = path_with_links(over_cells, k - 1, higher, prices).cost;
            const double many = path_with_links(over_cells, k + 1, lower, prices).cost;
            start_price_ = price = (few - many) / 2;
            margin_ = (few + many) / 2 - path.cost;
            // Prices are off by about λ/cells² for cells per cluster.
            const double enough = std::min(std::sqrt(2 * price / margin_), double(n) / double(16 * k));
            ready = cells_ >= enough;
            cells_ = std::max(cells_, 1.2 * enough);
        }
        return summarize(path_with_links([&](double p) { return exact_path(p); }, k, price, prices).nodes);
    }

private:
    /// Where a path cuts, and how far apart the means on both sides are.
    struct cut {
        double value, gap;
    };

    /// Price of k clusters where values are spread smoothly (Panter and Dite 1951): D = (∫ f^⅓)³/(12·k²), and the
    /// price is −dD/dk. Never 0.
    double expected_price(std::ptrdiff_t k) const {
        const std::ptrdiff_t n = values_.size();
        std::vector<std::ptrdiff_t> ranks;
        for (std::ptrdiff_t i = 0; i <= 1024; ++i) ranks.push_back(i * (n - 1) / 1024);
        for (std::ptrdiff_t step = 1; step < n / 1024; step *= 2) {  // tails are thinner and thinner
            ranks.push_back(step);
            ranks.push_back(n - 1 - step);
        }
        std::sort(ranks.begin(), ranks.end());
        double integral = 0;
        for (std::size_t i = 1; i < ranks.size(); ++i) {
            const double width = values_[ranks[i]] - values_[ranks[i - 1]];
            integral += std::cbrt(values_.weight(ranks[i - 1], ranks[i]) * width * width);
        }
        return std::max(std::pow(integral / double(k), 3) / 6, std::numeric_limits<double>::min());
    }

    /// Cells for a price: about so many a cluster; for 0, each value is a cell.
    void make_cells(double price) {
        const double most = 6 * price / std::pow(cells_, 3);
        fill_cells([&](std::ptrdiff_t) {
            return [&](std::ptrdiff_t first) {
                return values_.run_end(first, [&](std::ptrdiff_t end) {
                    const double width = values_[end - 1] - values_[first];
                    return values_.weight(first, end) * width * width <= most;
                });
            };
        });
    }

    /// Cells for cuts near those of a path: single values, or cells of the share `finest` of the gap between the means
    /// beside the cut, within `zone` gaps of it; and wider by the factor `growth` with the distance from there.
    void make_cells_around(const std::vector<std::int32_t>& nodes, double finest, double zone, double growth) {
        find_cuts(nodes);
        fill_cells([&](std::ptrdiff_t begin) {
            auto next = cut_after(values_[begin]);
            return [&, next](std::ptrdiff_t first) mutable {
                const double value = values_[first];
                while (next != cuts_.end() && value > next->value) ++next;
                double width = std::numeric_limits<double>::infinity();
                if (next != cuts_.begin()) {
                    const auto& [place, gap] = *(next - 1);
                    width = std::max(finest * gap, growth * (value - place - zone * gap));
                }
                if (next != cuts_.end()) {
                    const auto& [place, gap] = *next;
                    width =
                        std::min(width, std::max(finest * gap, growth / (1 + growth) * (place - zone * gap - value)));
                }
                return values_.run_end(first, [&](std::ptrdiff_t end) { return values_[end - 1] - value <= width; });
            };
        });
    }

    /// Cells slice by slice: ends_from(where a slice begins) gives a function from the begin of a cell to its end.
    template <class EndsFrom>
    void fill_cells(const EndsFrom& ends_from) {
        const std::ptrdiff_t n = values_.size(), slices = std::clamp<std::ptrdiff_t>(n >> 14, 1, 64);
        const auto begin_of = [&](std::ptrdiff_t s) {  // equal values stay together
            std::ptrdiff_t at = s * n / slices;
            while (at > 0 && at < n && values_[at - 1] == values_[at])
                at = values_.run_end(at, [&](std::ptrdiff_t end) { return values_[end - 1] == values_[at]; });
            return at;
        };
        struct slice_cells {
            std::ptrdiff_t begin, count, before, merged;
        };
        std::vector<slice_cells> parts(static_cast<std::size_t>(slices));
        ends_.resize(static_cast<std::size_t>(n));  // those of a slice from its begin on
        exec_.parallel_for(slices, [&](std::ptrdiff_t s) {
            const std::ptrdiff_t begin = begin_of(s), end = begin_of(s + 1);
            std::int32_t* last = ends_.data() + begin;
            if (begin < end) {
                auto end_from = ends_from(begin);
                for (std::ptrdiff_t at = begin; at < end; *last++ = static_cast<std::int32_t>(at))
                    at = std::min(end_from(at), end);
            }
            parts[static_cast<std::size_t>(s)] = {begin, last - ends_.data() - begin, 0, 0};
        });
        std::ptrdiff_t count = 0;
        for (slice_cells& part : parts) {
            part.before = count;
            count += part.count;
        }
        points_.resize(static_cast<std::size_t>(count));
        first_.resize(static_cast<std::size_t>(count + 1));
        first_[0] = 0;
        credit_.clear();
        exec_.parallel_for(slices, [&](std::ptrdiff_t s) {
            slice_cells& mine = parts[static_cast<std::size_t>(s)];
            std::ptrdiff_t first = mine.begin;
            for (std::ptrdiff_t c = 0; c < mine.count; ++c) {
                const auto cell = static_cast<std::size_t>(mine.before + c);
                const std::ptrdiff_t last = ends_[static_cast<std::size_t>(mine.begin + c)];
                const double low = values_[first], high = values_[last - 1];
                const moment_sums sums = values_.sums(first, last, low);
                points_.weight[cell] = sums.weight;
                points_.value[cell] = low == high ? low : std::clamp(low + sums.moment / sums.weight, low, high);
                first_[cell + 1] = static_cast<std::int32_t>(last);
                mine.merged += low != high;
                first = last;
            }
        });
        merged_ = 0;
        for (const slice_cells& part : parts) merged_ += part.merged;
    }

    void find_cuts(const std::vector<std::int32_t>& nodes) {
        const std::vector<double> means = clusters(nodes).means;
        cuts_.clear();
        for (std::size_t i = 1; i < means.size(); ++i)
            cuts_.push_back({(values_[nodes[i] - 1] + values_[nodes[i]]) / 2, means[i] - means[i - 1]});
    }

    /// The first cut that is not below a value.
    std::vector<cut>::const_iterator cut_after(double value) const {
        return std::lower_bound(cuts_.begin(), cuts_.end(), value, [](const cut& c, double v) { return c.value < v; });
    }

    /// The best path for a price over the points, its nodes numbered as the values are.
    link_path best_path(double price) {
        ++paths_;
        link_path path{solver_.nodes(price, exec_)};
        for (std::int32_t& node : path.nodes) node = first_[static_cast<std::size_t>(node)];
        path.cost = clusters(path.nodes).objective;
        return path;
    }

    /// The best path for a price over cuts anywhere.
    link_path exact_path(double price) {
        if (price != start_price_) {
            make_cells(price);
            start_ = best_path(price).nodes;
            start_price_ = price;
        }
        std::vector<std::int32_t> nodes = start_;
        const double k = double(nodes.size() - 1);
        // How far off cuts between cells are, in gaps: each goes to an end of its cell, and they pull on each other.
        const auto doubt = [k](double cells) { return std::pow(k, 0.75) / (6 * cells); };
        double cells = cells_;
        for (; double(values_.size()) / k >= 64 * cells; cells *= 8) {
            make_cells_around(nodes, 1 / (8 * cells), doubt(cells), 0.125);
            nodes = best_path(price).nodes;
        }
        // Credits of cells away from the cuts should not outweigh the margin of the price.
        double zone = doubt(cells), growth = std::min(1 / k, std::sqrt(2 * margin_ / (k * price)));
        for (;; zone *= 2, growth /= 2) {
            make_cells_around(nodes, 0, zone, growth);
            if (nodes.size() == 2) make_cells(0);
            if (!give_credit(price)) continue;
            // Credits by node, and nodes by value, ascend together.
            std::size_t at = 0;
            link_path path = best_path(price);
            bool used = false;
            for (const std::int32_t node : path.nodes) {
                while (first_[at] != node) ++at;
                used |= credit_[at] > 0;
            }
            if (!used) return path;
            nodes = path.nodes;
        }
    }

    /// Credits the nodes with δ (see the file's head) of the cells beside them. False where a cell is too wide: several
    /// cuts in it are covered only where δ ≤ λ.
    bool give_credit(double price) {
        const auto count = static_cast<std::size_t>(points_.size());
        const auto low = [&](std::size_t c) { return values_[first_[c]]; };
        const auto high = [&](std::size_t c) { return values_[first_[c + 1] - 1]; };
        credit_.resize(count + 1);
        credit_[0] = credit_[count] = 0;
        std::atomic<bool> covered{true};
        constexpr std::size_t per_task = 1 << 12;
        exec_.parallel_for(static_cast<std::ptrdiff_t>(ceil_div(count, per_task)), [&](std::ptrdiff_t t) {
            const std::size_t begin = static_cast<std::size_t>(t) * per_task, end = std::min(count, begin + per_task);
            // Each node's credit needs the cells on both sides of it.
            std::size_t c = begin == 0 ? 0 : begin - 1, from = c, to = c;
            auto next = static_cast<std::size_t>(cut_after(low(c)) - cuts_.begin());
            next -= next > 0;
            double gain_before = 0;
            for (; c < end; ++c) {
                const double lo = low(c), hi = high(c);
                double gain = 0;
                if (lo != hi) {
                    const double mean = points_.value[c], w = points_.weight[c];
                    // The nearest cut's gap is about a cluster wide.
                    while (next + 1 < cuts_.size() && cuts_[next + 1].value - hi < lo - cuts_[next].value) ++next;
                    const auto gap_for = [&](double r, double weight) {
                        return 2 * (r + std::sqrt(r * r + price / weight));
                    };
                    double gap = gap_for(hi - lo, w);
                    const double r = cuts_.empty() ? 0.0 : 0.35 * cuts_[next].gap;
                    while (from < c && low(from) < hi - r) ++from;
                    while (from > 0 && low(from - 1) >= hi - r) --from;
                    to = std::max(to, c);
                    while (to > c && high(to) > lo + r) --to;
                    while (to + 1 < count && high(to + 1) <= lo + r) ++to;
                    if (hi - lo <= r) gap = std::min(gap, gap_for(r, values_.weight(first_[from], first_[to + 1])));
                    gain = 2 * gap * w * (hi - mean) * (mean - lo) / (hi - lo);
                }
                if (c >= begin && c > 0) credit_[c] = std::max(gain_before, gain);
                gain_before = gain;
                if (!(gain <= price)) covered = false;
            }
        });
        return covered;
    }

    kmeans_solution clusters(std::span<const std::int32_t> nodes) const {
        return clusters_between(nodes, exec_, [&](auto first, auto last) { return values_.cluster(first, last); });
    }

    kmeans_solution summarize(std::span<const std::int32_t> nodes) const {
        kmeans_solution solution = clusters(nodes);
        solution.iterations = paths_;
        return solution;
    }

    value_runs values_;
    executor exec_;
    uninitialized_vector<std::int32_t> ends_;   // of cells being made
    sorted_points points_;                      // cells
    uninitialized_vector<std::int32_t> first_;  // where each begins in the values, and the end
    uninitialized_vector<double> credit_;       // of the nodes between them; empty for none
    path_solver solver_{points_, credit_};
    std::ptrdiff_t merged_ = 0;        // cells of several values
    std::vector<cut> cuts_;            // that the cells were made around
    double cells_ = 32;                // coarse ones, about so many a cluster
    std::vector<std::int32_t> start_;  // a path between coarse cells,
    double start_price_ = 0;           // and its price
    double margin_ = 0;                // by which prices may differ and still give k clusters
    int paths_ = 0;
};

/// The best k clusters of values, or fewer where there are fewer distinct values. Errors: see check_kmeans_input and
/// check_finite.
inline kmeans_solution exact_kmeans(std::span<const float> values, std::span<const float> weights, std::ptrdiff_t k,
                                    const executor& exec) {
    check_kmeans_input(values, weights, k);
    return kmeans_solver(values, weights, exec).solve(k);
}

}  // namespace lowbit::detail
