// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/scale_type.hpp>

#include <bench/support/data.hpp>

namespace {

void storable_scale(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    const auto type = static_cast<lowbit::scale_type>(state.range(0));
    for (auto _ : state) {
        float sum = 0;
        for (const float x : values) sum += lowbit::storable_scale(static_cast<double>(x * x), type);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(storable_scale)->DenseRange(0, 2);

}  // namespace
