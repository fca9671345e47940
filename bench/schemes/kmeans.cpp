// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/kmeans.hpp>

#include <bench/support/data.hpp>

namespace {

/// Beside std::sort of the same values: bench/peers/kmeans.cpp.
void quantize_kmeans(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 18);
    const lowbit::kmeans scheme{.bits = static_cast<int>(state.range(0)), .fast = state.range(1) != 0};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(values, scheme));
    state.SetLabel(to_string(scheme));
    bench::count_items(state, values.size());
}
BENCHMARK(quantize_kmeans)->ArgsProduct({{4, 8}, {0, 1}})->Unit(benchmark::kMillisecond);

void dequantize_kmeans(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    const auto q = lowbit::quantize(values, lowbit::kmeans{.bits = static_cast<int>(state.range(0))});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::dequantize(q));
    bench::count_items(state, values.size());
}
BENCHMARK(dequantize_kmeans)->Arg(4)->Arg(8);

}  // namespace
