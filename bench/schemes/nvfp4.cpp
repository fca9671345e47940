// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/nvfp4.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_nvfp4 =
    bench::add_scheme(lowbit::nvfp4{}) && bench::add_scheme(lowbit::nvfp4{.scale = lowbit::block_scale::mse});

}  // namespace
