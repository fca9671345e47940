// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/lsq.hpp>

#include <bench/support/data.hpp>

#include <span>

namespace {

void lsq_gradients_of_activations(benchmark::State& state) {
    const auto x = bench::gaussian({64, 4096}), upstream = bench::gaussian({64, 4096}, 2);
    lowbit::tensor<float> out(x.shape());
    const lowbit::affine_params params{0.3f, 0};
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            lowbit::lsq_backward(x, upstream, lowbit::affine{.bits = 4}, std::span(&params, 1), out));
    }
    bench::count_items(state, x.size());
}
BENCHMARK(lsq_gradients_of_activations);

}  // namespace
