// SPDX-License-Identifier: Apache-2.0
// expect: expected a tensor, a tensor_view, a contiguous range of numbers or an Eigen object
#include <lowbit/core/source.hpp>

#include <string>
#include <vector>

auto view(const std::vector<std::string>& words) { return lowbit::view_of(words); }
