// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/ocp_mx.hpp>

#include <bench/support/data.hpp>

namespace {

/// What ragged lines and another axis cost beside whole blocks.
void quantize_shape(benchmark::State& state) {
    const auto x = bench::gaussian({state.range(0), state.range(1)});
    const lowbit::ocp_mx scheme{.axis = static_cast<int>(state.range(2))};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(x, scheme));
    bench::count_items(state, x.size());
}
BENCHMARK(quantize_shape)
    ->Name("quantize_mxfp4_shape")
    ->Args({256, 256, -1})
    ->Args({256, 255, -1})
    ->Args({256, 256, 0});

}  // namespace
