// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/value_cells.hpp>

#include <bench/support/data.hpp>

namespace {

void value_cells(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    const lowbit::detail::value_cells cells(0.0f, 0.1f, 6.0f, 12);
    for (auto _ : state) {
        std::int32_t sum = 0;
        for (const float x : values) sum ^= cells(x);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(value_cells);

}  // namespace
