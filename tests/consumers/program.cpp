// SPDX-License-Identifier: Apache-2.0
// A user's program: exits with 0 where lowbit works.
#include <lowbit/lowbit.hpp>

#include <vector>

int main() {
    const std::vector<float> weights{0.5f, -1.27f, 0.2f, 0.01f};
    const auto q = lowbit::quantize(weights, lowbit::affine{.bits = 8});
    const lowbit::tensor<float> restored = lowbit::dequantize(q);
    const bool close = lowbit::max_error(weights, restored) <= 0.005001;
    return close && q.bytes() == 8 && LOWBIT_VERSION_MAJOR == 0 ? 0 : 1;
}
