// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the block formats share, on AVX-512.
#pragma once

#include <lowbit/kernels/isa/pack_avx512.inl>

#define LOWBIT_LANES lanes_avx512
#define LOWBIT_TARGET LOWBIT_TARGET_AVX512
#include <lowbit/kernels/isa/blocks_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
