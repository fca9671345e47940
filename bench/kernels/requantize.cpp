// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/requantize.hpp>

#include <bench/support/data.hpp>

namespace {

template <lowbit::requant_rounding Rounding>
void rescale(benchmark::State& state) {
    const auto acc = bench::integers<std::int32_t>({65536}, -1000000, 1000000);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.0001);
    for (auto _ : state) {
        std::int64_t sum = 0;
        for (const std::int32_t value : acc) sum += lowbit::rescale<Rounding>(value, factor);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, acc.size());
}
BENCHMARK(rescale<lowbit::requant_rounding::single>);
BENCHMARK(rescale<lowbit::requant_rounding::tflite_double>);

}  // namespace
