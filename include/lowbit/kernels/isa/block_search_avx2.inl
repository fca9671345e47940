// SPDX-License-Identifier: Apache-2.0
/// @file
/// The searches of kernels/block_search.hpp on AVX2: sixteen blocks at a time.
#pragma once

#include <lowbit/kernels/isa/blocks_avx2.inl>

#define LOWBIT_LANES lanes_avx2
#define LOWBIT_TARGET LOWBIT_TARGET_AVX2
#include <lowbit/kernels/isa/block_search_body.inl>
//
#include <lowbit/kernels/isa/search_tile_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
