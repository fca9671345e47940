// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/kmeans.hpp>

#include <bench/support/data.hpp>

#include <cstdint>

namespace {

void centroid_gradients(benchmark::State& state) {
    const auto gradients = bench::gaussian(1 << 16);
    const auto labels = bench::integers<std::uint8_t>({1 << 16}, 0, 15);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::centroid_gradients(gradients, labels, 16).data());
    bench::count_items(state, gradients.size());
}
BENCHMARK(centroid_gradients);

}  // namespace
