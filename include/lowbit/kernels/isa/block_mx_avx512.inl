// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/block_mx.hpp on AVX-512.
#pragma once

#include <lowbit/kernels/isa/block_search_avx512.inl>

#define LOWBIT_LANES lanes_avx512
#define LOWBIT_TARGET LOWBIT_TARGET_AVX512
#include <lowbit/kernels/isa/block_mx_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
