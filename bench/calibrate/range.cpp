// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/range.hpp>

#include <bench/support/data.hpp>

namespace {

void range_of_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian(65536);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::finite_range(batch.span(), "batch"));
    bench::count_items(state, batch.size());
}
BENCHMARK(range_of_a_batch);

}  // namespace
