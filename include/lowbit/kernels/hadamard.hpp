// SPDX-License-Identifier: Apache-2.0
/// @file
/// Hadamard rotation of rows of codes, block by block (Ashkboos et al. 2024, "QuaRot", section 3), in integers:
///
///     q_y = clamp(Z_y + rescale(Σ_j ±(q_x[j] − Z_x), M)),   M = S_x/(S_y·√block)
///
/// The signs are those of D·H: H[i][j] = (−1)^popcount(i & j), D a diagonal of random signs. Sums are exact; a block
/// takes block·log2(block) additions. refine/hadamard.hpp rotates weights and float activations by the same
/// butterflies.
#pragma once

#include <lowbit/kernels/elementwise_task.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// How the last axis is rotated. Weights and activations need the same.
struct hadamard_rotation {
    std::ptrdiff_t block = 0;  ///< a power of two that divides the axis; 0: the largest one that does
    std::uint64_t seed = 0;    ///< of the random signs; 0: none

    /// The block for rows of so many columns.
    constexpr std::ptrdiff_t block_of(std::ptrdiff_t columns) const { return block != 0 ? block : columns & -columns; }
    /// Whether it can rotate such rows.
    constexpr bool fits(std::ptrdiff_t columns) const {
        const std::ptrdiff_t b = block_of(columns);
        return b > 0 && (b & (b - 1)) == 0 && columns % b == 0;
    }
    /// Whether D changes the sign of a column (splitmix64).
    constexpr bool negates(std::ptrdiff_t column) const {
        std::uint64_t z = seed + (static_cast<std::uint64_t>(column) + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return seed != 0 && ((z ^ (z >> 31)) & 1) != 0;
    }
    constexpr bool operator==(const hadamard_rotation&) const = default;
};

/// The longest block that codes are rotated in.
inline constexpr std::ptrdiff_t longest_hadamard_block = 4096;

namespace detail {

/// v ← v·H, not normalised. n: a power of two.
template <class T>
constexpr void hadamard_butterflies(T* v, std::ptrdiff_t n) {
    for (std::ptrdiff_t half = 1; half < n; half *= 2) {
        for (std::ptrdiff_t i = 0; i < n; i += 2 * half) {
            for (std::ptrdiff_t j = i; j < i + half; ++j) {
                const T a = v[j], b = v[j + half];
                v[j] = a + b;
                v[j + half] = a - b;
            }
        }
    }
}

}  // namespace detail

/// Rotates x[rows, columns] into y, which may be x. The rotation must fit the columns, in blocks of at most
/// `longest_hadamard_block`. stage.factor is M as above. X and Y: int8 or uint8.
template <class X, class Y>
void hadamard(std::ptrdiff_t rows, std::ptrdiff_t columns, const X* x, const hadamard_rotation& rotation,
              const rescale_stage& stage, Y* y) {
    const std::ptrdiff_t block = rotation.block_of(columns);
    rescale_stage of_sums = stage;
    of_sums.x_zero = 0;
    std::array<std::int32_t, longest_hadamard_block> signs, sums;
    for (std::ptrdiff_t left = 0; left < columns; left += block) {
        for (std::ptrdiff_t i = 0; i < block; ++i)
            signs[static_cast<std::size_t>(i)] = rotation.negates(left + i) ? -1 : 1;
        for (std::ptrdiff_t first = left; first < rows * columns; first += columns) {
            for (std::ptrdiff_t i = 0; i < block; ++i)
                sums[static_cast<std::size_t>(i)] = signs[static_cast<std::size_t>(i)] * (x[first + i] - stage.x_zero);
            detail::hadamard_butterflies(sums.data(), block);
            for (std::ptrdiff_t i = 0; i < block; ++i)
                y[first + i] = reference::rescale_code<Y>(of_sums, sums[static_cast<std::size_t>(i)]);
        }
    }
}

}  // namespace lowbit
