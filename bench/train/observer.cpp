// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/observer.hpp>

#include <bench/support/data.hpp>

namespace {

void training_observer_sees_a_batch(benchmark::State& state) {
    const auto x = bench::gaussian({64, 4096});
    lowbit::training_observer observer;
    for (auto _ : state) observer.observe(x);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, x.size());
}
BENCHMARK(training_observer_sees_a_batch);

}  // namespace
