// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/shape.hpp>

#include <bench/support/data.hpp>

namespace {

void validate_conv2d_shape(benchmark::State& state) {
    lowbit::conv2d_shape shape{14, 14, 64, 64, {3, 3, 1, 1, 1, 1, 1, 1}};
    for (auto _ : state) {
        benchmark::DoNotOptimize(shape);
        benchmark::DoNotOptimize(valid(shape));
    }
}
BENCHMARK(validate_conv2d_shape);

}  // namespace
