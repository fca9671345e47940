// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/affine.hpp>

#include <bench/support/data.hpp>

namespace {

const lowbit::affine schemes[] = {{},
                                  {.symmetric = false},
                                  {.bits = 4, .granularity = lowbit::per_group(0, 32)},
                                  {.bits = 4, .granularity = lowbit::per_group(0, 128)}};

void quantize_affine(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(values, schemes[state.range(0)]));
    state.SetLabel(to_string(schemes[state.range(0)]));
    bench::count_items(state, values.size());
}
BENCHMARK(quantize_affine)->DenseRange(0, 3);

void dequantize_affine(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    const auto q = lowbit::quantize(values, schemes[state.range(0)]);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::dequantize(q));
    state.SetLabel(to_string(schemes[state.range(0)]));
    bench::count_items(state, values.size());
}
BENCHMARK(dequantize_affine)->DenseRange(0, 3);

}  // namespace
