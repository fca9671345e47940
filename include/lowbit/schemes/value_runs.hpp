// SPDX-License-Identifier: Apache-2.0
/// @file
/// Values in ascending order, and the sums of any run of them.
///
/// Σ w, Σ w·(x − o) and Σ w·(x − o)² of a run come from the sums of the blocks of 4096 and of 64 values inside of it,
/// each about the block's own first value and then moved to the origin o, and from the values at its ends: nothing
/// large cancels.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/radix_sort.hpp>
#include <lowbit/kernels/reduce.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lowbit::detail {

/// Σ w, Σ w·(x − o) and Σ w·(x − o)² about an origin o.
struct moment_sums {
    double weight = 0, moment = 0, square = 0;

    void add(double w, double y) {
        weight += w;
        moment += w * y;
        square += w * y * y;
    }
    /// More sums, about an origin that is `shift` above this one's.
    void add(const moment_sums& more, double shift) {
        weight += more.weight;
        moment += more.moment + more.weight * shift;
        square += more.square + shift * (2 * more.moment + more.weight * shift);
    }
    /// Σ w·(x − mean)².
    double error() const { return std::max(0.0, square - moment * moment / weight); }
};

/// Errors: a number of centroids, or values or weights, that k-means cannot take, with the index.
inline void check_kmeans_input(std::span<const float> values, std::span<const float> weights, std::ptrdiff_t k) {
    check(k >= 1 && k <= 65536, "kmeans: ", k, " centroids; 1 to 65536 are supported");
    check(weights.empty() || weights.size() == values.size(), "kmeans: ", weights.size(), " importance values for ",
          values.size(), " values");
    check(values.size() <= std::numeric_limits<std::int32_t>::max(), "kmeans: ", values.size(),
          " values; fewer than 2^31 are supported");
    for (std::size_t i = 0; i < weights.size(); ++i) {
        check(is_finite(weights[i]) && weights[i] >= 0, "kmeans: importance ", weights[i], " at index ", i,
              " is not finite and at least 0");
    }
}

/// Errors: a value that is not finite, with the index.
inline void check_finite(std::span<const float> values) {
    const std::ptrdiff_t bad = find_not_finite(values.data(), std::ssize(values));
    if (bad != std::ssize(values))
        fail("kmeans: value ", values[static_cast<std::size_t>(bad)], " at index ", bad, " is not finite");
}

/// Values with weights, sorted.
class value_runs {
public:
    /// Sorts a copy. weights: empty (all 1) or one per value, finite and at least 0; what weighs nothing is left out,
    /// and if that is everything, then all weigh the same. Errors: see check_finite.
    value_runs(std::span<const float> values, std::span<const float> weights, const executor& exec) {
        if (std::any_of(weights.begin(), weights.end(), [](float w) { return w > 0; })) {
            check_finite(values);
            std::vector<weighted_value> items;
            items.reserve(values.size());
            for (std::size_t i = 0; i < values.size(); ++i)
                if (weights[i] > 0) items.push_back({values[i], weights[i]});
            uninitialized_vector<weighted_value> workspace(items.size());
            radix_sort(items.data(), std::ssize(items), workspace.data(), exec);
            values_.resize(items.size());
            before_.reserve(items.size() + 1);
            before_.push_back(0);
            for (std::size_t i = 0; i < items.size(); ++i) {
                values_[i] = items[i].value;
                weights_.push_back(items[i].weight);
                before_.push_back(before_.back() + double(items[i].weight));
            }
        } else {
            values_.resize(values.size());
            uninitialized_vector<float> workspace(values.size());
            radix_sort(values.data(), size(), values_.data(), workspace.data(), exec);
            // What is not finite is at the ends now.
            if (size() > 0 && !(is_finite(values_.front()) && is_finite(values_.back()))) check_finite(values);
        }
        blocks_.resize(static_cast<std::size_t>(size() / block));
        wide_.resize(static_cast<std::size_t>(size() / (block * block)));
        const std::ptrdiff_t per_task = 16 * block;  // blocks: fewer take no longer than handing them out
        exec.parallel_for(ceil_div(std::ssize(blocks_), per_task), [&](std::ptrdiff_t task) {
            const std::ptrdiff_t end = std::min(std::ssize(blocks_), (task + 1) * per_task);
            for (std::ptrdiff_t b = task * per_task; b < end; ++b) {
                blocks_[static_cast<std::size_t>(b)] = plain_sums(b * block, (b + 1) * block, (*this)[b * block]);
                if ((b + 1) % block == 0) {
                    const std::ptrdiff_t first = b + 1 - block;
                    wide_[static_cast<std::size_t>(b / block)] = block_sums(first, b + 1, (*this)[first * block]);
                }
            }
        });
    }

    std::ptrdiff_t size() const { return std::ssize(values_); }
    double operator[](std::ptrdiff_t i) const { return double(values_[static_cast<std::size_t>(i)]); }

    /// Weight of the values first … last−1, roughly where weights differ by many orders. O(1).
    double weight(std::ptrdiff_t first, std::ptrdiff_t last) const {
        if (weights_.empty()) return double(last - first);
        return before_[static_cast<std::size_t>(last)] - before_[static_cast<std::size_t>(first)];
    }

    /// Sums of the values first … last−1 about an origin. O(128 + (last − first)/4096).
    moment_sums sums(std::ptrdiff_t first, std::ptrdiff_t last, double origin) const {
        const std::ptrdiff_t from = ceil_div(first, block), to = last / block;
        if (from >= to) return plain_sums(first, last, origin);
        moment_sums all = plain_sums(first, from * block, origin);
        const std::ptrdiff_t wide_from = ceil_div(from, block), wide_to = to / block;
        if (wide_from >= wide_to) {
            all.add(block_sums(from, to, origin), 0);
        } else {
            all.add(block_sums(from, wide_from * block, origin), 0);
            for (std::ptrdiff_t w = wide_from; w < wide_to; ++w)
                all.add(wide_[static_cast<std::size_t>(w)], (*this)[w * block * block] - origin);
            all.add(block_sums(wide_to * block, to, origin), 0);
        }
        all.add(plain_sums(to * block, last, origin), 0);
        return all;
    }

    /// Squared error of the values first … last−1 as one cluster, and their mean.
    std::pair<double, double> cluster(std::ptrdiff_t first, std::ptrdiff_t last) const {
        const double origin = (*this)[first + (last - first) / 2];
        const moment_sums all = sums(first, last, origin);
        return {all.error(), std::clamp(origin + all.moment / all.weight, (*this)[first], (*this)[last - 1])};
    }

    /// The end of the longest run from `first` on, of one value at least, that has the property: a monotone one, which
    /// a run of equal values has. O(log length).
    template <class Property>
    std::ptrdiff_t run_end(std::ptrdiff_t first, Property has) const {
        std::ptrdiff_t good = first + 1, step = 1;
        while (good + step <= size() && has(good + step)) {
            good += step;
            step *= 2;
        }
        for (std::ptrdiff_t bad = std::min(good + step, size() + 1); bad - good > 1;) {
            const std::ptrdiff_t middle = good + (bad - good) / 2;
            (has(middle) ? good : bad) = middle;
        }
        return good;
    }

private:
    static constexpr std::ptrdiff_t block = 64;

    moment_sums block_sums(std::ptrdiff_t from, std::ptrdiff_t to, double origin) const {
        moment_sums all;
        for (std::ptrdiff_t b = from; b < to; ++b)
            all.add(blocks_[static_cast<std::size_t>(b)], (*this)[b * block] - origin);
        return all;
    }

    moment_sums plain_sums(std::ptrdiff_t first, std::ptrdiff_t last, double origin) const {
        moment_sums all;
        if (!weights_.empty()) {
            for (std::ptrdiff_t i = first; i < last; ++i)
                all.add(double(weights_[static_cast<std::size_t>(i)]), (*this)[i] - origin);
            return all;
        }
        // Four sums at a time: one alone would wait for itself.
        double moment[4] = {}, square[4] = {};
        std::ptrdiff_t i = first;
        for (; i + 4 <= last; i += 4) {
            for (int lane = 0; lane < 4; ++lane) {
                const double y = (*this)[i + lane] - origin;
                moment[lane] += y;
                square[lane] += y * y;
            }
        }
        for (; i < last; ++i) {
            const double y = (*this)[i] - origin;
            moment[0] += y;
            square[0] += y * y;
        }
        return {double(last - first), (moment[0] + moment[1]) + (moment[2] + moment[3]),
                (square[0] + square[1]) + (square[2] + square[3])};
    }

    uninitialized_vector<float> values_;
    std::vector<float> weights_;       // empty: all 1
    std::vector<double> before_;       // weight of all values before one
    std::vector<moment_sums> blocks_;  // about the block's first value
    std::vector<moment_sums> wide_;    // of 64 blocks each
};

}  // namespace lowbit::detail
