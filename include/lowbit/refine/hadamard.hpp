// SPDX-License-Identifier: Apache-2.0
/// @file
/// Hadamard rotation: outliers spread evenly over a block of channels before quantization (Ashkboos et al. 2024,
/// "QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs", section 3).
///
/// H is symmetric and orthogonal, D a diagonal of signs: (x·D·H)·(W·D·H)ᵀ = x·Wᵀ. So weights are rotated once, offline,
/// and activations at run time, by the same function, in O(n log block).
#pragma once

#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/hadamard.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace lowbit {

/// Multiplies each row (the last axis) by D·H/√block, block by block, in place.
/// Errors: a block that is not a power of two or does not divide the axis.
inline void rotate(tensor_view<float> x, const hadamard_rotation& rotation = {}) {
    check(x.rank() >= 1, "rotate: a scalar has no axis to rotate");
    const std::ptrdiff_t columns = x.shape()[x.rank() - 1];
    if (x.empty()) return;
    const std::ptrdiff_t block = rotation.block_of(columns);
    check(rotation.fits(columns), "rotate: blocks of ", block, " for ", columns,
          " columns; a power of two that divides them is needed");
    const float norm = 1 / std::sqrt(static_cast<float>(block));
    std::vector<float> signs;
    for (std::ptrdiff_t i = 0; i < columns; ++i) signs.push_back(rotation.negates(i) ? -norm : norm);
    for (std::ptrdiff_t first = 0; first < x.size(); first += block) {
        for (std::ptrdiff_t i = 0; i < block; ++i)
            x[first + i] *= signs[static_cast<std::size_t>((first + i) % columns)];
        detail::hadamard_butterflies(x.data() + first, block);
    }
}

}  // namespace lowbit
