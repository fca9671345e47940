// SPDX-License-Identifier: Apache-2.0
/// @file
/// Magnitude pruning: the smallest weights become zero (Han et al. 2015, "Learning both Weights and Connections"), and
/// masks that training respects.
///
/// A mask holds 1 where a weight is kept and 0 where it is pruned. Of equal magnitudes the first ones are kept, so that
/// exactly as many stay as were asked for.
#pragma once

#include <lowbit/core/source.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/schemes/granularity.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// 1 where a weight is kept, 0 where it is pruned.
using prune_mask = tensor<std::uint8_t>;

namespace detail {

inline void check_sparsity(double sparsity) {
    check(sparsity >= 0 && sparsity <= 1, "prune: a sparsity of ", sparsity, "; it must be in [0, 1]");
}

/// Clears the `pruned` positions of the smallest magnitudes. position(i) and magnitude(i) for i < n.
template <class Magnitude, class Clear>
void clear_smallest(std::ptrdiff_t n, std::ptrdiff_t pruned, Magnitude magnitude, Clear clear) {
    std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::ptrdiff_t{0});
    std::nth_element(order.begin(), order.begin() + pruned, order.end(), [&](std::ptrdiff_t a, std::ptrdiff_t b) {
        const float x = magnitude(a), y = magnitude(b);
        return x != y ? x < y : a > b;
    });
    for (std::ptrdiff_t i = 0; i < pruned; ++i) clear(order[static_cast<std::size_t>(i)]);
}

/// How many of n to prune: the nearest whole number.
inline std::ptrdiff_t pruned_of(std::ptrdiff_t n, double sparsity) {
    return static_cast<std::ptrdiff_t>(std::nearbyint(sparsity * static_cast<double>(n)));
}

}  // namespace detail

/// The mask that prunes the share `sparsity` of each set of values: of the tensor, of each channel or of each group.
/// Complexity O(n). Errors: a sparsity outside [0, 1].
template <class X>
prune_mask magnitude_mask(const X& weights, double sparsity, const granularity& how = per_tensor()) {
    detail::check_sparsity(sparsity);
    const row_values<float> w = read_float(weights);
    prune_mask mask(w.shape(), 1);
    const partition sets(w.shape(), how);
    std::vector<std::ptrdiff_t> indices;
    for (std::ptrdiff_t s = 0; s < sets.count(); ++s) {
        indices.clear();
        sets[s].for_each([&](std::ptrdiff_t i) { indices.push_back(i); });
        const auto at = [&](std::ptrdiff_t i) { return indices[static_cast<std::size_t>(i)]; };
        detail::clear_smallest(
            std::ssize(indices), detail::pruned_of(std::ssize(indices), sparsity),
            [&](std::ptrdiff_t i) { return std::abs(w[at(i)]); }, [&](std::ptrdiff_t i) { mask[at(i)] = 0; });
    }
    return mask;
}

/// One mask for each tensor that together prune the share `sparsity` of all their values: layers of small weights lose
/// more. Complexity O(n). Errors: a sparsity outside [0, 1].
inline std::vector<prune_mask> global_magnitude_masks(std::span<const tensor_view<const float>> weights,
                                                      double sparsity) {
    detail::check_sparsity(sparsity);
    std::vector<prune_mask> masks;
    std::vector<std::pair<std::size_t, std::ptrdiff_t>> places;
    for (std::size_t t = 0; t < weights.size(); ++t) {
        masks.emplace_back(weights[t].shape(), std::uint8_t{1});
        for (std::ptrdiff_t i = 0; i < weights[t].size(); ++i) places.emplace_back(t, i);
    }
    const auto at = [&](std::ptrdiff_t i) { return places[static_cast<std::size_t>(i)]; };
    detail::clear_smallest(
        std::ssize(places), detail::pruned_of(std::ssize(places), sparsity),
        [&](std::ptrdiff_t i) { return std::abs(weights[at(i).first][at(i).second]); },
        [&](std::ptrdiff_t i) { masks[at(i).first][at(i).second] = 0; });
    return masks;
}

/// n:m structured sparsity: of each m consecutive values along the axis the n largest stay (2:4 is what NVIDIA's
/// sparse tensor cores take); of a shorter last group as many as m − n pruned ones leave. Complexity O(size).
/// Errors: n outside 0 … m, an axis that does not exist.
template <class X>
prune_mask structured_mask(const X& weights, std::ptrdiff_t n, std::ptrdiff_t m, int axis = -1) {
    check(m >= 1 && n >= 0 && n <= m, "structured_mask: ", n, ":", m, " is not n:m with 0 <= n <= m");
    const row_values<float> w = read_float(weights);
    prune_mask mask(w.shape(), 1);
    const partition sets(w.shape(), per_group(axis, m));
    for (std::ptrdiff_t s = 0; s < sets.count(); ++s) {
        const value_set set = sets[s];
        const auto at = [&](std::ptrdiff_t i) { return set.offset + i * set.stride; };
        detail::clear_smallest(
            set.length, std::min(m - n, set.length), [&](std::ptrdiff_t i) { return std::abs(w[at(i)]); },
            [&](std::ptrdiff_t i) { mask[at(i)] = 0; });
    }
    return mask;
}

/// Zeroes the pruned ones of weights, or of their gradients: training that does so after each step keeps them zero.
/// Errors: shapes that differ.
inline void apply_mask(const prune_mask& mask, std::type_identity_t<tensor_view<float>> values) {
    check(mask.shape() == values.shape(), "apply_mask: a mask of ", to_string(mask.shape()), " for values of ",
          to_string(values.shape()));
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) values[i] = mask[i] != 0 ? values[i] : 0.0f;
}

/// Share of pruned values, in [0, 1].
inline double sparsity(const prune_mask& mask) {
    return mask.empty() ? 0.0
                        : static_cast<double>(std::count(mask.begin(), mask.end(), std::uint8_t{0})) /
                              static_cast<double>(mask.size());
}

}  // namespace lowbit
