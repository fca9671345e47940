// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/bias_correction.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void correct_bias_of_a_layer(benchmark::State& state) {
    auto weights = bench::gaussian({256, 3, 3, 64}), bias = bench::gaussian(256);
    const auto rounded = bench::gaussian({256, 3, 3, 64}, 2);
    const std::vector<float> mean(64, 0.5f);
    for (auto _ : state) lowbit::correct_bias({weights, bias}, rounded, mean);
    benchmark::DoNotOptimize(bias.data());
    bench::count_items(state, weights.size());
}
BENCHMARK(correct_bias_of_a_layer);

}  // namespace
