// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/block_ggml.hpp on AVX2.
#pragma once

#include <lowbit/kernels/isa/block_mx_avx2.inl>
#include <lowbit/kernels/isa/quantize_avx2.inl>

#define LOWBIT_LANES lanes_avx2
#define LOWBIT_TARGET LOWBIT_TARGET_AVX2
#include <lowbit/kernels/isa/ggml_blocks_of_32_body.inl>
//
#include <lowbit/kernels/isa/ggml_blocks_of_256_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
