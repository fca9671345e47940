// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/eigen.hpp>

#include <bench/support/data.hpp>

namespace {

/// A product through the maps: Eigen's own speed.
void product_of_maps(benchmark::State& state) {
    const auto a = bench::gaussian({64, 64}), b = bench::gaussian({64, 64}, 2);
    lowbit::tensor<float> c({64, 64});
    for (auto _ : state) {
        lowbit::as_matrix(c).noalias() = lowbit::as_matrix(a) * lowbit::as_matrix(b);
        benchmark::DoNotOptimize(c.data());
    }
    bench::count_items(state, 64 * 64 * 64);
}
BENCHMARK(product_of_maps);

void sum_of_array(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::as_array(values.view()).sum());
    bench::count_items(state, values.size());
}
BENCHMARK(sum_of_array);

}  // namespace
