// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/pact.hpp>

#include <bench/support/data.hpp>

namespace {

void pact_gradients_of_activations(benchmark::State& state) {
    const auto x = bench::gaussian({64, 4096}), upstream = bench::gaussian({64, 4096}, 2);
    lowbit::tensor<float> out(x.shape());
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::pact_backward(x, upstream, 1.5f, out));
    bench::count_items(state, x.size());
}
BENCHMARK(pact_gradients_of_activations);

}  // namespace
