// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/microexponent.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_microexponent =
    bench::add_scheme(lowbit::mx9{}) && bench::add_scheme(lowbit::mx6{}) && bench::add_scheme(lowbit::mx4{}) &&
    bench::add_scheme(lowbit::msfp12{});

}  // namespace
