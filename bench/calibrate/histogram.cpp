// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/histogram.hpp>

#include <bench/support/data.hpp>

namespace {

void histogram_observer_sees_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian({64, 1024});
    lowbit::histogram_observer observer;
    for (auto _ : state) observer.observe(batch);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, batch.size());
}
BENCHMARK(histogram_observer_sees_a_batch);

}  // namespace
