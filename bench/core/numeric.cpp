// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/numeric.hpp>

#include <bench/support/data.hpp>

namespace {

void round_to_integer(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    const auto rule = static_cast<lowbit::ties>(state.range(0));
    for (auto _ : state) {
        float sum = 0;
        for (const float x : values) sum += lowbit::round_to_integer(x, rule);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(round_to_integer)->ArgName("ties_away")->Arg(0)->Arg(1);

void floor_log2(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    for (auto _ : state) {
        int sum = 0;
        for (const float x : values) sum += lowbit::floor_log2(x);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(floor_log2);

}  // namespace
