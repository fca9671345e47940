// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/adaround.hpp>

#include <lowbit/core/pools.hpp>

#include <bench/support/data.hpp>

namespace {

/// A layer of 400 inputs and 64 outputs on two threads: 100 of the usual 4,000 iterations.
void adaround_100_iterations(benchmark::State& state) {
    const auto weights = bench::gaussian({64, 400});
    lowbit::input_moments moments(400);
    moments.observe(bench::gaussian({1000, 400}, 2));
    const Eigen::MatrixXd gram = moments.gram();
    lowbit::thread_pool pool(2);
    const lowbit::affine scheme{.bits = 4, .granularity = lowbit::per_channel(0)};
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::adaround(weights, gram, scheme, {.iterations = 100}, pool));
    }
}
BENCHMARK(adaround_100_iterations)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
