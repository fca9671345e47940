// SPDX-License-Identifier: Apache-2.0
/// @file
/// kernels/best_parents.hpp on AVX2.
#pragma once

#include <lowbit/core/config.hpp>

#define LOWBIT_LANES lanes_avx2
#define LOWBIT_TARGET LOWBIT_TARGET_AVX2
#define LOWBIT_VECTOR_BYTES 32
#include <lowbit/kernels/isa/best_parents_body.inl>
#undef LOWBIT_LANES
#undef LOWBIT_TARGET
#undef LOWBIT_VECTOR_BYTES
