// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/ocp_mx.hpp>

#include <bench/support/schemes.hpp>

namespace {

[[maybe_unused]] const bool added_ocp_mx = bench::add_scheme(lowbit::mxfp8e4m3{}) &&
                                           bench::add_scheme(lowbit::mxfp6e2m3{}) &&
                                           bench::add_scheme(lowbit::mxfp4{}) && bench::add_scheme(lowbit::mxint8{}) &&
                                           bench::add_scheme(lowbit::ocp_mx{.scale = lowbit::mx_scale::mse});

}  // namespace
