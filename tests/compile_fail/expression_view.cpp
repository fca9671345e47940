// SPDX-License-Identifier: Apache-2.0
// expect: an Eigen expression has no memory to view
#include <lowbit/core/source.hpp>

#include <Eigen/Core>

auto view(const Eigen::MatrixXf& a) { return lowbit::view_of(a + a); }
