// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/bn_fold.hpp>

#include <bench/support/data.hpp>

namespace {

void fold_batch_norm(benchmark::State& state) {
    auto weights = bench::gaussian({256, 3, 3, 128}), bias = bench::gaussian(256);
    const lowbit::tensor<float> ones({256}, 1.0f), zeros({256});
    for (auto _ : state) {
        lowbit::fold_batch_norm(weights, bias, {ones, zeros, zeros, ones});
        benchmark::DoNotOptimize(weights.data());
    }
    bench::count_items(state, weights.size());
}
BENCHMARK(fold_batch_norm);

}  // namespace
