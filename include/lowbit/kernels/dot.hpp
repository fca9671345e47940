// SPDX-License-Identifier: Apache-2.0
/// @file
/// Dot products on raw memory, plain and normative: of floats, of integer codes, and of blocks as the papers that
/// define the formats write them.
///
/// Sums of floats are in float64, where the product of two float32 is exact, in 32 partial sums whose order is fixed:
/// the same bits under every flag.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/formats/e8m0.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// Σ a[i]·b[i]. Element i goes to sum i mod 32; the sums are folded by halves. Complexity O(n).
inline double dot(const float* a, const float* b, std::ptrdiff_t n) {
    double sums[32] = {};
    for (std::ptrdiff_t first = 0; first < n; first += 32) {
        const std::ptrdiff_t count = std::min<std::ptrdiff_t>(32, n - first);
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            sums[i] += static_cast<double>(a[first + i]) * static_cast<double>(b[first + i]);
        }
        asm("" : "+m"(sums));  // one group is finished before the next one starts
    }
    for (int half = 16; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) sums[i] = opaque(sums[i] + sums[i + half]);
    }
    return sums[0];
}

/// Σ a[i]·b[i] of codes of at most 16 bits, exact. Complexity O(n).
template <std::integral A, std::integral B>
std::int64_t integer_dot(const A* a, const B* b, std::ptrdiff_t n) {
    std::int64_t sum = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += static_cast<std::int64_t>(a[i]) * static_cast<std::int64_t>(b[i]);
    return sum;
}

/// VS-Quant's integer dot product (Dai et al. 2021, section 4.3): Σ_v (s_a(v)·s_b(v))·Σ_i a_i·b_i over vectors of the
/// given length, the last may be shorter. Exact; the paper's hardware keeps 32 bits. The real product is this times
/// γ_a·γ_b. Complexity O(n).
template <std::integral Code, std::integral Scale>
std::int64_t vsq_dot(const Code* a, const Scale* a_scales, const Code* b, const Scale* b_scales, std::ptrdiff_t n,
                     std::ptrdiff_t vector) {
    std::int64_t sum = 0;
    for (std::ptrdiff_t first = 0; first < n; first += vector, ++a_scales, ++b_scales) {
        const std::int64_t product = static_cast<std::int64_t>(*a_scales) * static_cast<std::int64_t>(*b_scales);
        sum += product * integer_dot(a + first, b + first, std::min(vector, n - first));
    }
    return sum;
}

/// The dot product of MX vectors (OCP Microscaling v1.0, section 6.2): Σ_j X_a(j)·X_b(j)·Σ_i a_i·b_i over blocks, with
/// the elements given as floats. The sum of a block is exact in float64 for all element types but E5M2 (53 bits);
/// blocks are added in order, in float64. A NaN scale gives NaN. Complexity O(n).
inline double mx_dot(const float* a, const e8m0* a_scales, const float* b, const e8m0* b_scales, std::ptrdiff_t n,
                     std::ptrdiff_t block) {
    double sum = 0;
    for (std::ptrdiff_t first = 0; first < n; first += block, ++a_scales, ++b_scales) {
        double inner = 0;
        for (std::ptrdiff_t i = first; i < std::min(first + block, n); ++i) {
            inner = opaque(inner + static_cast<double>(a[i]) * static_cast<double>(b[i]));
        }
        // 2^(e_a + e_b) from its bits: in −254 … 254, a normal float64.
        const int exponent = a_scales->exponent() + b_scales->exponent();
        const bool nan = a_scales->is_nan() || b_scales->is_nan();
        const auto scale = std::bit_cast<double>(nan ? std::uint64_t{0x7ff8000000000000}
                                                     : static_cast<std::uint64_t>(exponent + 1023) << 52);
        sum = opaque(sum + opaque(inner * scale));
    }
    return sum;
}

}  // namespace lowbit
