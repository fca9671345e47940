// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/tensor.hpp>

#include <bench/support/data.hpp>

namespace {

void allocate_zeroed(benchmark::State& state) {
    for (auto _ : state) {
        const lowbit::tensor<float> values({state.range(0)});
        benchmark::DoNotOptimize(values.data());
    }
    state.SetBytesProcessed(state.iterations() * state.range(0) * 4);
}
BENCHMARK(allocate_zeroed)->Arg(64)->Arg(1 << 16);

/// By (row, column) against flat: the index arithmetic should vanish.
template <bool ByIndex>
void sum(benchmark::State& state) {
    const lowbit::tensor<float> values = bench::gaussian({64, 64});
    for (auto _ : state) {
        float total = 0;
        if constexpr (ByIndex) {
            for (std::ptrdiff_t row = 0; row < 64; ++row) {
                for (std::ptrdiff_t column = 0; column < 64; ++column) total += values(row, column);
            }
        } else {
            for (const float x : values) total += x;
        }
        benchmark::DoNotOptimize(total);
    }
    bench::count_items(state, values.size());
}
BENCHMARK_TEMPLATE(sum, true)->Name("sum_by_index");
BENCHMARK_TEMPLATE(sum, false)->Name("sum_flat");

}  // namespace
