// SPDX-License-Identifier: Apache-2.0
/// @file
/// Searches of a block's scale: what they minimize, Σ w·(x − x̂)², and how to find a free scale by least squares.
///
/// For fixed codes l_i the scale that minimizes Σ w·(x − s·l)² is s = Σ w·x·l / Σ w·l², which lowers the error from
/// Σ w·x² by (Σ w·x·l)² / Σ w·l². So: try factors around the standard scale's reciprocal, take the codes whose decrease
/// is largest, and give their least-squares scale. The same with a constant term for formats with a minimum. Where a
/// format has few scales, the error of each is summed.
///
/// Values are taken in units of the block's standard scale, weights in units of a power of two near their largest.
/// Sums are in float32, in the order of the values, each operation rounded by itself. isa/block_search_body.inl has
/// the searches, for one block here, which is normative, and for sixteen side by side where there are vectors.
#pragma once

#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/isa/lanes_scalar.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace lowbit::detail {

/// Values of a block that vectors search, at most; longer ones are searched one by one.
inline constexpr std::ptrdiff_t most_searched = 256;

/// Sixteen levels by rising value, in units that bring the largest magnitude to [1, 2).
struct codebook_search {
    std::array<float, 15> thresholds{};  ///< level r is chosen above r of them
    std::array<float, 16> levels{};
    float unit = 1;  ///< of `thresholds` and `levels`: a power of two
    float top = 1;   ///< the largest magnitude, in units of 1
};

/// Integer codes, and which scales to try: `steps` on each side of the standard one's reciprocal, up to `spread` away.
struct integer_search {
    float lowest, highest;
    int steps;
    float spread;
};

/// Codes 0 … highest, how many scales to try, and whether only minima ≤ 0 can be stored.
struct line_search {
    int highest, steps;
    bool up_to_zero;
};

}  // namespace lowbit::detail

#define LOWBIT_LANES lanes_scalar
#define LOWBIT_TARGET
#include <lowbit/kernels/isa/block_search_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
