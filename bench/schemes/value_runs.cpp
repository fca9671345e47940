// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/value_runs.hpp>

#include <bench/support/data.hpp>

namespace {

void sort_values(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 20);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::detail::value_runs(values.span(), {}, {}));
    bench::count_items(state, values.size());
}
BENCHMARK(sort_values);

}  // namespace
