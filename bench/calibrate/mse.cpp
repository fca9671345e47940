// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/mse.hpp>

#include <bench/support/data.hpp>

namespace {

/// Without the sort: choose_range in clip.cpp has it.
void best_scale_of_sorted_values(benchmark::State& state) {
    const auto values = bench::gaussian(1000000);
    const auto magnitudes = lowbit::sorted_values::magnitudes(values.span());
    const int highest = (1 << (state.range(0) - 1)) - 1;
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::best_scale(magnitudes, 0, highest));
}
BENCHMARK(best_scale_of_sorted_values)->Arg(2)->Arg(4)->Arg(8)->Unit(benchmark::kMillisecond);

}  // namespace
