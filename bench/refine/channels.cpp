// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/channels.hpp>

#include <bench/support/data.hpp>

namespace {

void largest_of_a_layer(benchmark::State& state) {
    auto weights = bench::gaussian({256, 3, 3, 256});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::largest_of_inputs({weights, {}}, 256));
    bench::count_items(state, weights.size());
}
BENCHMARK(largest_of_a_layer);

}  // namespace
