// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/dynamic_linear.hpp>

#include <bench/support/data.hpp>

namespace {

void dynamic_linear(benchmark::State& state) {
    const auto weights = bench::gaussian({512, 512}), x = bench::gaussian({state.range(0), 512});
    const lowbit::dynamic_linear layer(
        lowbit::quantize(weights, lowbit::affine{.granularity = lowbit::per_channel(0)}));
    for (auto _ : state) benchmark::DoNotOptimize(layer.run(x).data());
    bench::count_items(state, state.range(0) * 512 * 512);
}
BENCHMARK(dynamic_linear)->ArgName("rows")->Arg(1)->Arg(64);

}  // namespace
