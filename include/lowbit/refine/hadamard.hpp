// SPDX-License-Identifier: Apache-2.0
/// @file
/// Hadamard rotation: outliers spread evenly over a block of channels before quantization (Ashkboos et al. 2024,
/// "QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs", section 3).
///
/// H is symmetric and orthogonal, D a diagonal of signs: (x·D·H)·(W·D·H)ᵀ = x·Wᵀ. So weights are rotated once, offline,
/// and activations at run time, by the same function, in O(n log block).
#pragma once

#include <lowbit/core/tensor.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lowbit {

/// How the last axis is rotated. Weights and activations need the same.
struct hadamard_rotation {
    std::ptrdiff_t block = 0;  ///< a power of two that divides the axis; 0: the largest one that does
    std::uint64_t seed = 0;    ///< of the random signs; 0: none
};

/// Multiplies each row (the last axis) by D·H/√block, block by block, in place.
/// Errors: a block that is not a power of two or does not divide the axis.
inline void rotate(tensor_view<float> x, const hadamard_rotation& rotation = {}) {
    check(x.rank() >= 1, "rotate: a scalar has no axis to rotate");
    const std::ptrdiff_t columns = x.shape()[x.rank() - 1];
    if (x.empty()) return;
    const std::ptrdiff_t block = rotation.block != 0 ? rotation.block : columns & -columns;
    check(block > 0 && std::has_single_bit(static_cast<std::size_t>(block)) && columns % block == 0,
          "rotate: blocks of ", block, " for ", columns, " columns; a power of two that divides them is needed");
    const auto negative = [&](std::ptrdiff_t column) {  // splitmix64
        std::uint64_t z = rotation.seed + (static_cast<std::uint64_t>(column) + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return rotation.seed != 0 && ((z ^ (z >> 31)) & 1) != 0;
    };
    const float norm = 1 / std::sqrt(static_cast<float>(block));
    for (std::ptrdiff_t first = 0; first < x.size(); first += block) {
        float* const v = x.data() + first;
        for (std::ptrdiff_t i = 0; i < block; ++i) v[i] *= negative((first + i) % columns) ? -norm : norm;
        for (std::ptrdiff_t half = 1; half < block; half *= 2) {
            for (std::ptrdiff_t i = 0; i < block; i += 2 * half) {
                for (std::ptrdiff_t j = i; j < i + half; ++j) {
                    const float a = v[j], b = v[j + half];
                    v[j] = a + b;
                    v[j + half] = a - b;
                }
            }
        }
    }
}

}  // namespace lowbit
