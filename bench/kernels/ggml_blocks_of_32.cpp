// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/ggml_blocks_of_32.hpp>

#include <bench/support/ggml_block.hpp>

BENCHMARK(bench::encode_ggml_block<lowbit::detail::ggml_q4_1>)->Name("ggml_q4_1::encode");
