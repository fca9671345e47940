// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/pools.hpp>

#include <bench/support/data.hpp>

namespace {

/// What starting and ending a loop costs.
void empty_loop(benchmark::State& state) {
    lowbit::thread_pool pool(static_cast<int>(state.range(0)));
    for (auto _ : state) pool.parallel_for(state.range(0), [](std::ptrdiff_t i) { benchmark::DoNotOptimize(i); });
}
BENCHMARK(empty_loop)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
