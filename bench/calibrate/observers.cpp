// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/observers.hpp>

#include <bench/support/data.hpp>

namespace {

void min_max_observer_sees_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian({64, 1024});
    lowbit::min_max_observer observer;
    for (auto _ : state) observer.observe(batch);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, batch.size());
}
BENCHMARK(min_max_observer_sees_a_batch);

void ema_observer_sees_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian({64, 1024});
    lowbit::ema_observer observer;
    for (auto _ : state) observer.observe(batch);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, batch.size());
}
BENCHMARK(ema_observer_sees_a_batch);

void channel_min_max_observer_sees_a_batch(benchmark::State& state) {
    const auto batch = bench::gaussian({64, 1024});
    lowbit::channel_min_max_observer observer;
    for (auto _ : state) observer.observe(batch);
    benchmark::DoNotOptimize(observer);
    bench::count_items(state, batch.size());
}
BENCHMARK(channel_min_max_observer_sees_a_batch);

}  // namespace
