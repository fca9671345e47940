// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/smoothquant.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void smoothquant_scales_of_a_layer(benchmark::State& state) {
    auto weights = bench::gaussian({1024, 1024});
    const std::vector<float> largest(1024, 3.0f);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::smoothquant_scales({weights, {}}, largest));
    bench::count_items(state, weights.size());
}
BENCHMARK(smoothquant_scales_of_a_layer);

}  // namespace
