// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/granularity.hpp>

#include <bench/support/data.hpp>

namespace {

void walk_runs(benchmark::State& state) {
    const lowbit::granularity all[] = {lowbit::per_channel(0), lowbit::per_channel(1), lowbit::per_group(1, 32),
                                       lowbit::per_group(0, 32)};
    const lowbit::tensor_shape shape{256, 256};
    const lowbit::partition sets(shape, all[state.range(0)]);
    for (auto _ : state) {
        std::ptrdiff_t sum = 0;
        sets.for_each_run(0, shape.size(),
                          [&](std::ptrdiff_t set, std::ptrdiff_t, std::ptrdiff_t count) { sum += set * count; });
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, shape.size());
}
BENCHMARK(walk_runs)->DenseRange(0, 3);

}  // namespace
