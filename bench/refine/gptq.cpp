// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/gptq.hpp>

#include <lowbit/core/pools.hpp>

#include <bench/support/data.hpp>

namespace {

/// A square layer to 4 bits in groups of 128 on two threads, decomposition included.
void gptq_square_layer(benchmark::State& state) {
    const std::ptrdiff_t n = state.range(0);
    const auto weights = bench::gaussian({n, n});
    lowbit::input_moments moments(n);
    moments.observe(bench::gaussian({n, n}, 2));
    const Eigen::MatrixXd gram = moments.gram();
    lowbit::thread_pool pool(2);
    const lowbit::affine scheme{.bits = 4, .granularity = lowbit::per_group(1, 128)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::gptq(weights, gram, scheme, {}, pool));
    bench::count_items(state, n * n);
}
BENCHMARK(gptq_square_layer)->Arg(512)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
