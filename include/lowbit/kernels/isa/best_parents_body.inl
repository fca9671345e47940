// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/best_parents.hpp on the doubles of one register, as the compiler's vector type. Included once
// for each instruction set, with LOWBIT_LANES, LOWBIT_TARGET and LOWBIT_VECTOR_BYTES defined.

namespace lowbit::detail::LOWBIT_LANES {

using doubles = double __attribute__((vector_size(LOWBIT_VECTOR_BYTES)));
using longs = std::int64_t __attribute__((vector_size(LOWBIT_VECTOR_BYTES)));

__attribute__((LOWBIT_TARGET, always_inline)) inline doubles load_doubles(const double* p) {
    doubles x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

/// One row, a parent in each lane.
__attribute__((LOWBIT_TARGET)) inline void best_parent(const parent_rows& x, std::ptrdiff_t row, std::ptrdiff_t first,
                                                       std::ptrdiff_t last) {
    constexpr std::ptrdiff_t width = LOWBIT_VECTOR_BYTES / 8;
    if (last - first + 1 < 2 * width) return scalar::best_parent(x, row, first, last);
    const doubles row_weight = x.weight[row] - doubles{}, row_moment = x.moment[row] - doubles{};
    doubles best = std::numeric_limits<double>::infinity() - doubles{};
    longs at{}, parent{};
    for (std::ptrdiff_t lane = 0; lane < width; ++lane) at[lane] = first + lane;
    for (std::ptrdiff_t i = first;; i += width) {
        if (i > last - width + 1) {  // the last lanes again
            at -= i - (last - width + 1);
            i = last - width + 1;
        }
        const doubles weight = load_doubles(x.weight + i);
        const doubles moment = load_doubles(x.moment + i);
        const doubles sum = row_moment - moment;
        const doubles value = load_doubles(x.start + i) - sum * sum / (row_weight - weight);
        const longs better = value < best;
        best = better ? value : best;
        parent = better ? at : parent;
        if (i == last - width + 1) break;
        at += width;
    }
    double least = best[0];
    std::int64_t leftmost = parent[0];
    for (std::ptrdiff_t lane = 1; lane < width; ++lane) {
        const bool better = best[lane] < least || (best[lane] == least && parent[lane] < leftmost);
        least = better ? best[lane] : least;
        leftmost = better ? parent[lane] : leftmost;
    }
    x.value[row] = least;
    x.parent[row] = static_cast<std::int32_t>(leftmost);
}

/// A row in each lane.
__attribute__((LOWBIT_TARGET)) inline void search_rows(const parent_rows& x, std::ptrdiff_t first, std::ptrdiff_t last,
                                                       std::ptrdiff_t parent_first, std::ptrdiff_t parent_last) {
    constexpr std::ptrdiff_t width = LOWBIT_VECTOR_BYTES / 8;
    for (; first <= last; first += width) {
        const doubles weight = load_doubles(x.weight + first);
        const doubles moment = load_doubles(x.moment + first);
        doubles best = std::numeric_limits<double>::infinity() - doubles{};
        longs parent = parent_first - longs{};
        for (std::ptrdiff_t i = parent_first; i <= parent_last; ++i) {
            const doubles sum = moment - x.moment[i];
            const doubles value = x.start[i] - sum * sum / (weight - x.weight[i]);
            const longs better = value < best;
            best = better ? value : best;
            parent = better ? i - longs{} : parent;
        }
        for (std::ptrdiff_t row = first; row <= std::min(first + width - 1, last); ++row) {
            x.value[row] = best[row - first];
            x.parent[row] = static_cast<std::int32_t>(parent[row - first]);
        }
    }
}

}  // namespace lowbit::detail::LOWBIT_LANES
