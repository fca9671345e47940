// SPDX-License-Identifier: Apache-2.0
/// @file
/// One pass over floats: the smallest and the largest value, the largest magnitude, where the first NaN or infinity is.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/core/numeric.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Smallest and largest of a run of values.
struct extent {
    float min = 0;
    float max = 0;
};

namespace detail {

/// max |x| by the bits; a NaN or infinity among them is larger than all numbers. For a block of values. Complexity
/// O(n).
inline float largest_magnitude(const float* x, std::ptrdiff_t n) {
    std::uint32_t largest = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu;
        largest = magnitude > largest ? magnitude : largest;
    }
    return std::bit_cast<float>(largest);
}

}  // namespace detail

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

/// max |x|; a NaN or infinity among the values is larger than all numbers. 0 for no values. Complexity O(n).
inline float find_magnitude(const float* x, std::ptrdiff_t n) {
#if defined(__x86_64__)
    if (includes(active_isa(), isa::avx512)) return detail::lanes_avx512::find_magnitude(x, n);
    if (includes(active_isa(), isa::avx2)) return detail::lanes_avx2::find_magnitude(x, n);
#endif
    return detail::largest_magnitude(x, n);
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
