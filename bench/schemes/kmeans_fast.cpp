// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/kmeans_fast.hpp>

#include <bench/support/data.hpp>

namespace {

void fast_kmeans(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 20);
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::detail::fast_kmeans(values.span(), {}, state.range(0), {}));
    }
    bench::count_items(state, values.size());
}
BENCHMARK(fast_kmeans)->Arg(16)->Arg(256);

}  // namespace
