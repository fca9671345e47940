// SPDX-License-Identifier: Apache-2.0
/// @file
/// One pass over floats: the smallest and the largest value, and where the first NaN or infinity is.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>

#include <cstddef>

namespace lowbit {

/// Smallest and largest of a run of values.
struct extent {
    float min = 0;
    float max = 0;
};

namespace detail::scalar {

inline extent find_extent(const float* x, std::ptrdiff_t n, extent seen) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (is_nan(x[i])) continue;
        seen.min = x[i] < seen.min ? x[i] : seen.min;
        seen.max = x[i] > seen.max ? x[i] : seen.max;
    }
    return seen;
}

inline std::ptrdiff_t find_nan(const float* x, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (is_nan(x[i])) return i;
    }
    return n;
}

inline std::ptrdiff_t find_not_finite(const float* x, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (!is_finite(x[i])) return i;
    }
    return n;
}

}  // namespace detail::scalar

}  // namespace lowbit

#if defined(__x86_64__)
#include <lowbit/kernels/isa/reduce_avx2.inl>
#include <lowbit/kernels/isa/reduce_avx512.inl>
#endif

namespace lowbit {

/// `seen` widened to n more values; NaN is skipped, of −0 and +0 either may be given. Complexity O(n).
inline extent find_extent(const float* x, std::ptrdiff_t n, extent seen) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) return detail::lanes_avx512::find_extent(x, n, seen);
    if (includes(active_isa(), isa::avx2)) return detail::lanes_avx2::find_extent(x, n, seen);
#endif
    return detail::scalar::find_extent(x, n, seen);
}

/// Index of the first NaN, or n. Complexity O(n).
inline std::ptrdiff_t find_nan(const float* x, std::ptrdiff_t n) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) return detail::lanes_avx512::find_nan(x, n);
    if (includes(active_isa(), isa::avx2)) return detail::lanes_avx2::find_nan(x, n);
#endif
    return detail::scalar::find_nan(x, n);
}

/// Index of the first NaN or infinity, or n. Complexity O(n).
inline std::ptrdiff_t find_not_finite(const float* x, std::ptrdiff_t n) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) return detail::lanes_avx512::find_not_finite(x, n);
    if (includes(active_isa(), isa::avx2)) return detail::lanes_avx2::find_not_finite(x, n);
#endif
    return detail::scalar::find_not_finite(x, n);
}

}  // namespace lowbit
