// SPDX-License-Identifier: Apache-2.0
/// @file
/// Row minima of a totally monotone matrix: the heart of one-dimensional k-means as a shortest path
/// (schemes/least_cost_path.hpp).
///
/// Row j and parent i cost
///
///     v(j, i) = start[i] − (S[j] − S[i])²/(W[j] − W[i])
///
/// and the leftmost best parents ascend with the rows. So the middle row is searched through, and what it finds bounds
/// the rows on both sides: O((rows + parents)·log rows). A few rows with a few parents are searched through each (in
/// lanes side by side), on every instruction set the same ones, so that roundings decide ties alike.
#pragma once

#include <lowbit/core/cpu.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace lowbit {

/// A block of nodes, numbered from 0: columns of at least 8 numbers more than it has nodes.
struct parent_rows {
    const double* weight;  ///< W, strictly ascending
    const double* moment;  ///< S
    const double* start;   ///< of the parents
    double* value;         ///< of each row: the least v
    std::int32_t* parent;  ///< and the leftmost parent that has it
};

namespace detail {

/// Divide and conquer. Row(x, row, first, last) searches the parents first … last of one row through,
/// FewRows(x, first, last, parent_first, parent_last) those of a few.
template <auto Row, auto FewRows>
void best_parents_by(const parent_rows& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t parent_first,
                     std::ptrdiff_t parent_last) {
    while (first <= last) {
        if (last - first < 8 && parent_last - parent_first < 32)
            return FewRows(x, first, last, parent_first, parent_last);
        const std::ptrdiff_t middle = first + (last - first) / 2;
        Row(x, middle, parent_first, parent_last);
        const std::ptrdiff_t parent = x.parent[middle];
        best_parents_by<Row, FewRows>(x, first, middle - 1, parent_first, parent);
        first = middle + 1;
        parent_first = parent;
    }
}

}  // namespace detail

namespace detail::scalar {

inline void best_parent(const parent_rows& x, std::ptrdiff_t row, std::ptrdiff_t first, std::ptrdiff_t last) {
    double best = std::numeric_limits<double>::infinity();
    std::ptrdiff_t parent = first;
    for (std::ptrdiff_t i = first; i <= last; ++i) {
        const double sum = x.moment[row] - x.moment[i];
        const double value = x.start[i] - sum * sum / (x.weight[row] - x.weight[i]);
        parent = value < best ? i : parent;
        best = value < best ? value : best;
    }
    x.value[row] = best;
    x.parent[row] = static_cast<std::int32_t>(parent);
}

inline void search_rows(const parent_rows& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t parent_first,
                        std::ptrdiff_t parent_last) {
    for (; first <= last; ++first) best_parent(x, first, parent_first, parent_last);
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/best_parents_avx2.inl>
#include <lowbit/kernels/isa/best_parents_avx512.inl>
#endif

namespace lowbit {

/// Fills value and parent of the rows first … last, whose parents are among parent_first … parent_last < first.
inline void best_parents(const parent_rows& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t parent_first,
                         std::ptrdiff_t parent_last) {
    using namespace detail;
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) {
        return best_parents_by<lanes_avx512::best_parent, lanes_avx512::search_rows>(x, first, last, parent_first,
                                                                                     parent_last);
    }
    if (includes(active_isa(), isa::avx2)) {
        return best_parents_by<lanes_avx2::best_parent, lanes_avx2::search_rows>(x, first, last, parent_first,
                                                                                 parent_last);
    }
#endif
    best_parents_by<scalar::best_parent, scalar::search_rows>(x, first, last, parent_first, parent_last);
}

}  // namespace lowbit
