// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/distribution.hpp>

#include <bench/support/data.hpp>

namespace {

void sort_values_with_tails(benchmark::State& state) {
    const auto values = bench::gaussian(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::sorted_values(values.span()));
    bench::count_items(state, values.size());
}
BENCHMARK(sort_values_with_tails)->Arg(128)->Arg(1000000);

}  // namespace
