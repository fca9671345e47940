// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/hqq.hpp>

#include <bench/support/data.hpp>

namespace {

void hqq_params_of_a_layer(benchmark::State& state) {
    const auto weights = bench::gaussian({256, 256});
    const lowbit::affine scheme{.bits = 4, .symmetric = false, .granularity = lowbit::per_group(1, 64)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::hqq_params(weights, scheme));
    bench::count_items(state, weights.size());
}
BENCHMARK(hqq_params_of_a_layer)->Unit(benchmark::kMillisecond);

}  // namespace
