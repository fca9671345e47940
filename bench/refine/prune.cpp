// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/prune.hpp>

#include <bench/support/data.hpp>

namespace {

void magnitude_mask(benchmark::State& state) {
    const auto weights = bench::gaussian(1 << 16);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::magnitude_mask(weights, 0.9));
    bench::count_items(state, weights.size());
}
BENCHMARK(magnitude_mask);

void structured_mask(benchmark::State& state) {
    const auto weights = bench::gaussian(1 << 16);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::structured_mask(weights, 2, 4));
    bench::count_items(state, weights.size());
}
BENCHMARK(structured_mask);

}  // namespace
