// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/requantize.hpp>

#include <bench/support/data.hpp>

namespace {

template <lowbit::requant_rounding Rounding>
void rescale(benchmark::State& state) {
    const auto acc = bench::integers<std::int32_t>({4096}, -1'000'000, 1'000'000);
    const lowbit::multiplier factor = lowbit::make_multiplier(1e-4);
    for (auto _ : state) {
        std::int32_t sum = 0;
        for (const std::int32_t value : acc) sum += lowbit::rescale<Rounding>(value, factor);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, acc.size());
}
BENCHMARK_TEMPLATE(rescale, lowbit::requant_rounding::single);
BENCHMARK_TEMPLATE(rescale, lowbit::requant_rounding::tflite_double);

void make_multiplier(benchmark::State& state) {
    double factor = 0.001;
    for (auto _ : state) {
        benchmark::DoNotOptimize(factor);
        benchmark::DoNotOptimize(lowbit::make_multiplier(factor));
    }
}
BENCHMARK(make_multiplier);

}  // namespace
