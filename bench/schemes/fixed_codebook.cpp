// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/fixed_codebook.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_fixed_codebook =
    bench::add_scheme(lowbit::nf4{}) && bench::add_scheme(lowbit::nf4{.double_quantized = true}) &&
    bench::add_scheme(lowbit::nf4{.scale = lowbit::block_scale::mse}) && bench::add_scheme(lowbit::iq4nl{});

}  // namespace
