// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/awq.hpp>

#include <bench/support/data.hpp>

namespace {

void awq_clip_of_a_layer(benchmark::State& state) {
    const auto weights = bench::gaussian({64, 256});
    lowbit::input_moments moments(256);
    moments.observe(bench::gaussian({512, 256}, 2));
    const Eigen::MatrixXd gram = moments.gram();
    const lowbit::affine scheme{.bits = 4, .granularity = lowbit::per_group(1, 64)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::awq_clip(weights, gram, scheme));
    bench::count_items(state, weights.size());
}
BENCHMARK(awq_clip_of_a_layer)->Unit(benchmark::kMillisecond);

void awq_scales_of_a_layer(benchmark::State& state) {
    const auto weights = bench::gaussian({64, 256});
    lowbit::input_moments moments(256);
    moments.observe(bench::gaussian({512, 256}, 2));
    const lowbit::affine scheme{.bits = 4, .granularity = lowbit::per_group(1, 64)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::awq_scales(weights, moments, scheme));
    bench::count_items(state, weights.size());
}
BENCHMARK(awq_scales_of_a_layer)->Unit(benchmark::kMillisecond);

}  // namespace
