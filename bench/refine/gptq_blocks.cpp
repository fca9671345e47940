// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/gptq_blocks.hpp>

#include <bench/support/data.hpp>

namespace {

void gptq_to_mxfp4(benchmark::State& state) {
    const auto weights = bench::gaussian({512, 512});
    lowbit::input_moments moments(512);
    moments.observe(bench::gaussian({1024, 512}, 2));
    const Eigen::MatrixXd gram = moments.gram();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::gptq(weights, gram, lowbit::mxfp4{}));
    bench::count_items(state, weights.size());
}
BENCHMARK(gptq_to_mxfp4)->Unit(benchmark::kMillisecond);

}  // namespace
