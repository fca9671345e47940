// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/moments.hpp>

#include <bench/support/data.hpp>

namespace {

void moments_observer_sees_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian({64, 1024});
    lowbit::moments_observer observer;
    for (auto _ : state) observer.observe(batch);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, batch.size());
}
BENCHMARK(moments_observer_sees_a_batch);

}  // namespace
