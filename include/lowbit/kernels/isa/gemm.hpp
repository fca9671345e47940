// SPDX-License-Identifier: Apache-2.0
/// @file
/// The micro-kernels of matrix products by instruction set.
#pragma once

#include <lowbit/kernels/gemm_tile.hpp>

namespace lowbit::detail {

/// The micro-kernel of an instruction set for its panels of kind 0 (widest) to 2.
inline gemm_tile_function gemm_tile_for(isa, bool wide, int) {
    return wide ? portable_tile<std::int64_t> : portable_tile<std::int32_t>;
}

using widen_function = void (*)(const std::uint8_t*, bool, std::int32_t, std::ptrdiff_t, std::int16_t*);

inline void portable_widen(const std::uint8_t* x, bool is_signed, std::int32_t zero, std::ptrdiff_t count,
                           std::int16_t* to) {
    const std::int32_t flip = is_signed ? 128 : 0, offset = zero + flip;
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = static_cast<std::int16_t>((x[i] ^ flip) - offset);
}

inline widen_function widen_for(isa) { return portable_widen; }

}  // namespace lowbit::detail
