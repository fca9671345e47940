// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>

#include <bench/support/data.hpp>

namespace {

void compare(benchmark::State& state) {
    const auto truth = bench::gaussian({4096}, 1), approximation = bench::gaussian({4096}, 2);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::compare(truth, approximation));
    bench::count_items(state, truth.size());
}
BENCHMARK(compare);

}  // namespace
