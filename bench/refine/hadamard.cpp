// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/hadamard.hpp>

#include <bench/support/data.hpp>

namespace {

void rotate_activations(benchmark::State& state) {
    auto x = bench::gaussian({64, 1024});
    for (auto _ : state) lowbit::rotate(x);
    benchmark::DoNotOptimize(x.data());
    bench::count_items(state, x.size());
}
BENCHMARK(rotate_activations);

}  // namespace
