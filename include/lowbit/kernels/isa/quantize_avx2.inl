// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/quantize.hpp on AVX2.
#pragma once

#include <lowbit/kernels/isa/lanes_avx2.hpp>

#define LOWBIT_LANES lanes_avx2
#define LOWBIT_TARGET LOWBIT_TARGET_AVX2
#include <lowbit/kernels/isa/quantize_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
