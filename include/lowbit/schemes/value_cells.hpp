// SPDX-License-Identifier: Apache-2.0
/// @file
/// Cells over the values: a monotone map from float to a small integer, fine near a centre and ever wider away from
/// it, so that a heavy tail or one far outlier costs a few cells instead of all of them.
///
/// With y = x − centre, the cell is read off the bits of |y| + offset: exponent and leading mantissa bits. Below the
/// offset cells are equally wide; above it each octave has as many.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lowbit::detail {

/// The map. x ≤ x' gives cells in the same order; equal values (−0 and 0 too) share a cell; infinities are clamped.
class value_cells {
public:
    /// One cell for everything.
    value_cells() = default;

    /// Cells for |x − centre| ≤ largest, each octave above the offset in 2^mantissa_bits. At most 32 octaves: a smaller
    /// offset is raised.
    value_cells(float centre, float offset, float largest, int mantissa_bits)
        // x − (−0) is +0 for both zeros.
        : centre_(centre == 0 ? -0.0f : centre),
          offset_(std::max({offset, largest * 0x1p-32f, 0x1p-126f})),
          shift_(23 - mantissa_bits) {
        const auto cell_of = [&](float magnitude) {
            return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(magnitude) >> shift_);
        };
        base_ = cell_of(offset_);
        half_ = cell_of(largest + offset_) - base_ + 1;
    }

    std::ptrdiff_t count() const { return 2 * std::ptrdiff_t(half_); }
    float centre() const { return centre_; }

    std::int32_t operator()(float x) const {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(x - centre_);
        const float magnitude = std::bit_cast<float>(bits & 0x7fffffffu) + offset_;
        const auto cell = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(magnitude) >> shift_) - base_;
        const std::int32_t side = static_cast<std::int32_t>(bits) >> 31;  // −1 below the centre
        return half_ + (std::min(cell, half_ - 1) ^ side);
    }

private:
    float centre_ = -0.0f;
    float offset_ = 1;
    int shift_ = 31;
    std::int32_t base_ = 0, half_ = 1;
};

}  // namespace lowbit::detail
