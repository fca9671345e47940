// SPDX-License-Identifier: Apache-2.0
/// @file
/// The integer kernels by instruction set.
///
/// Their bodies cost a compiler half a minute. With LOWBIT_COMPILED defined, this header only declares them, and one
/// unit of the program, which defines LOWBIT_COMPILED_UNIT as well, holds them (cmake: the target lowbit_compiled in
/// cmake/development.cmake).
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/kernels/depthwise_tile.hpp>
#include <lowbit/kernels/elementwise_task.hpp>
#include <lowbit/kernels/gemm_tile.hpp>

namespace lowbit::detail {

/// The micro-kernel of an instruction set for its panels of kind 0 (widest) to 2; rows as in `geometry_of`.
LOWBIT_COMPILED_INLINE gemm_tile_function gemm_tile_for(isa set, bool wide, int kind);

/// The depthwise kernel of a vector instruction set.
LOWBIT_COMPILED_INLINE depthwise_function depthwise_lines_for(isa set);

/// Whole blocks of elementwise operations, where the instruction set has them; the number of values done. Both VNNI
/// sets use what they include.
LOWBIT_COMPILED_INLINE std::ptrdiff_t add_blocks_for(isa set, const elementwise_task& task, const common_shift& common);
LOWBIT_COMPILED_INLINE std::ptrdiff_t rescale_blocks_for(isa set, const elementwise_task& task, multiplier factor,
                                                         bool product);

LOWBIT_COMPILED_INLINE std::ptrdiff_t table_blocks_for(isa set, std::ptrdiff_t n, const std::uint8_t* x,
                                                       const std::uint8_t* table, std::uint8_t* y);

/// The output stage on rows of int32 accumulators; false where the instruction set has no kernel.
LOWBIT_COMPILED_INLINE bool requantize_for(isa set, std::ptrdiff_t rows, std::ptrdiff_t channels,
                                           const std::int32_t* acc, const output_stage& stage, std::uint8_t* y,
                                           code_type out);

/// The largest bytes under a window; false where the instruction set has no kernel.
LOWBIT_COMPILED_INLINE bool max_window_for(isa set, const pool_task& task);

/// The means under a window of at most 1024 pixels; the number of channels done.
LOWBIT_COMPILED_INLINE std::ptrdiff_t mean_window_for(isa set, const pool_task& task);

using widen_function = void (*)(const std::uint8_t*, bool, std::int32_t, std::ptrdiff_t, std::int16_t*);

LOWBIT_COMPILED_INLINE widen_function widen_for(isa set);

}  // namespace lowbit::detail

#if !defined(LOWBIT_COMPILED) || defined(LOWBIT_COMPILED_UNIT)
#include <lowbit/kernels/isa/gemm_dispatch.inl>
#endif
