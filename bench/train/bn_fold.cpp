// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/bn_fold.hpp>

#include <bench/support/data.hpp>

namespace {

void fold_a_layer_for_training(benchmark::State& state) {
    const auto weights = bench::gaussian({128, 3, 3, 64}), ones = lowbit::tensor<float>({128}, 1.0f);
    const lowbit::bn_training_view bn{ones.view(), ones.view(), ones.view(), ones.view(), ones.view(), ones.view()};
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::fold_for_training(weights, bn, lowbit::bn_folding::corrected));
    }
    bench::count_items(state, weights.size());
}
BENCHMARK(fold_a_layer_for_training);

}  // namespace
