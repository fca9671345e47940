// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/equalize.hpp>

#include <bench/support/data.hpp>

namespace {

void equalize_two_layers(benchmark::State& state) {
    auto first = bench::gaussian({256, 1, 1, 64}), second = bench::gaussian({64, 1, 1, 256}, 2);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::equalize({first, {}}, {second, {}}));
    bench::count_items(state, first.size() + second.size());
}
BENCHMARK(equalize_two_layers);

}  // namespace
