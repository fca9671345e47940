// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/ggml_block.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_ggml_block = bench::add_scheme(lowbit::ggml_block{}) &&
                                               bench::add_scheme(lowbit::ggml_block{lowbit::ggml_type::q8_0}) &&
                                               bench::add_scheme(lowbit::ggml_block{lowbit::ggml_type::q4_k}) &&
                                               bench::add_scheme(lowbit::ggml_block{lowbit::ggml_type::q6_k});

}  // namespace
