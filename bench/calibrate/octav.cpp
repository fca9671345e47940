// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/octav.hpp>

#include <bench/support/data.hpp>

namespace {

void octav_iteration(benchmark::State& state) {
    const auto values = bench::gaussian(1000000);
    const auto magnitudes = lowbit::sorted_values::magnitudes(values.span());
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::octav_clip(magnitudes, 4, true));
}
BENCHMARK(octav_iteration);

}  // namespace
