// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/reduce.hpp on AVX-512.
#pragma once

#include <lowbit/kernels/isa/lanes_avx512.hpp>

#define LOWBIT_LANES lanes_avx512
#define LOWBIT_TARGET LOWBIT_TARGET_AVX512
#include <lowbit/kernels/isa/reduce_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
