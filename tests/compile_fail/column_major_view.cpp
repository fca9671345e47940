// SPDX-License-Identifier: Apache-2.0
// expect: a column-major Eigen matrix cannot be viewed in row order
#include <lowbit/core/source.hpp>

#include <Eigen/Core>

auto view(const Eigen::MatrixXf& columns) { return lowbit::view_of(columns); }
