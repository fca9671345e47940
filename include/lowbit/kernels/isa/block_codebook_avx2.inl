// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/block_codebook.hpp on AVX2.
#pragma once

#include <lowbit/kernels/isa/block_search_avx2.inl>

#define LOWBIT_LANES lanes_avx2
#define LOWBIT_TARGET LOWBIT_TARGET_AVX2
#include <lowbit/kernels/isa/block_codebook_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
