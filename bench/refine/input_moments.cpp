// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/input_moments.hpp>

#include <bench/support/data.hpp>

namespace {

void moments_of_a_batch(benchmark::State& state) {
    const std::ptrdiff_t columns = state.range(0);
    const auto batch = bench::gaussian({512, columns});
    lowbit::input_moments moments(columns);
    for (auto _ : state) moments.observe(batch);
    benchmark::DoNotOptimize(moments.count());
    bench::count_items(state, batch.size() * columns);
}
BENCHMARK(moments_of_a_batch)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
