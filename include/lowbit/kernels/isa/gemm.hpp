// SPDX-License-Identifier: Apache-2.0
/// @file
/// The micro-kernels of matrix products by instruction set.
#pragma once

#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/gemm_tile.hpp>
#include <lowbit/kernels/isa/gemm_avx2.hpp>
#include <lowbit/kernels/isa/gemm_avx512.hpp>
#include <lowbit/kernels/isa/gemm_avx512_vnni.hpp>
#include <lowbit/kernels/isa/gemm_avx_vnni.hpp>

namespace lowbit::detail {

/// The micro-kernel of an instruction set for its panels of kind 0 (widest) to 2; rows as in `geometry_of`.
inline gemm_tile_function gemm_tile_for(isa set, bool wide, int kind) {
#if defined(__x86_64__)
    switch (set) {
        case isa::avx2:
            return kind == 0 ? isa_avx2::gemm_tile_up_to<2, 6> : isa_avx2::gemm_tile_up_to<1, 6>;
        case isa::avx_vnni:
            return kind == 0 ? isa_avx_vnni::gemm_tile_up_to<2, 6> : isa_avx_vnni::gemm_tile_up_to<1, 6>;
        case isa::avx512:
            return kind == 0   ? isa_avx512::gemm_tile_up_to<4, 6>
                   : kind == 1 ? isa_avx512::gemm_tile_up_to<2, 12>
                               : isa_avx512::gemm_tile_up_to<1, 12>;
        case isa::avx512_vnni:
            return kind == 0   ? isa_avx512_vnni::gemm_tile_up_to<4, 6>
                   : kind == 1 ? isa_avx512_vnni::gemm_tile_up_to<2, 12>
                               : isa_avx512_vnni::gemm_tile_up_to<1, 12>;
        default:
            break;
    }
#endif
    return wide ? portable_tile<std::int64_t> : portable_tile<std::int32_t>;
}

/// The depthwise kernel of a vector instruction set.
inline depthwise_function depthwise_lines_for(isa set) {
#if defined(__x86_64__)
    switch (set) {
        case isa::avx2:
            return isa_avx2::run_depthwise_lines;
        case isa::avx_vnni:
            return isa_avx_vnni::run_depthwise_lines;
        case isa::avx512:
            return isa_avx512::run_depthwise_lines;
        case isa::avx512_vnni:
            return isa_avx512_vnni::run_depthwise_lines;
        default:
            break;
    }
#endif
    (void)set;
    return nullptr;
}

using widen_function = void (*)(const std::uint8_t*, bool, std::int32_t, std::ptrdiff_t, std::int16_t*);

inline widen_function widen_for(isa set) {
#if defined(__x86_64__)
    if (set == isa::avx2) return isa_avx2::widen_bytes;
    if (set == isa::avx512) return isa_avx512::widen_bytes;
#endif
    return portable_widen;
}

}  // namespace lowbit::detail
