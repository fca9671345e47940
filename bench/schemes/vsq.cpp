// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/vsq.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_vsq =
    bench::add_scheme(lowbit::vsq{}) && bench::add_scheme(lowbit::vsq{.bits = 8, .scale_bits = 8});

}  // namespace
