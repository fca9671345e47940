// SPDX-License-Identifier: Apache-2.0
#include <lowbit/products/linear.hpp>

#include <bench/support/data.hpp>

namespace {

/// One and eight rows of activations; items are multiply-accumulates.
template <class Scheme>
void float_linear(benchmark::State& state) {
    const auto weights = lowbit::quantize(bench::gaussian({256, 1024}), Scheme{});
    const auto x = bench::gaussian({state.range(0), 1024});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::linear(x, weights));
    bench::count_items(state, x.size() * 256);
}
BENCHMARK(float_linear<lowbit::affine>)->Arg(1)->Arg(8);
BENCHMARK(float_linear<lowbit::mxfp4>)->Arg(1)->Arg(8);
BENCHMARK(float_linear<lowbit::ggml_block>)->Arg(1)->Arg(8);

}  // namespace
