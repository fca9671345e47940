// SPDX-License-Identifier: Apache-2.0
// A user's program: exits with 0 where lowbit works.
#include <lowbit/lowbit.hpp>

#include <vector>

int main() {
    const std::vector<float> truth{1, 2, 3}, approximation{1, 2, 4};
    return lowbit::max_error(truth, approximation) == 1.0 && LOWBIT_VERSION_MAJOR == 0 ? 0 : 1;
}
