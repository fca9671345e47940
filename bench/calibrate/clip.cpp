// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/clip.hpp>

#include <bench/support/data.hpp>

#include <cstddef>

namespace {

/// A range for a million gaussian weights; the second argument is the method's place in the enumeration.
void choose_range_of_values(benchmark::State& state) {
    const auto values = bench::gaussian(1000000);
    const lowbit::clip_spec spec{static_cast<lowbit::clip_method>(state.range(1))};
    state.SetLabel(to_string(spec));
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            lowbit::choose_range(values.span(), spec, static_cast<int>(state.range(0)), true, true));
    }
    bench::count_items(state, values.size());
}
BENCHMARK(choose_range_of_values)->ArgsProduct({{4, 8}, {0, 1, 2, 3, 4, 5}})->Unit(benchmark::kMillisecond);

/// The same from a histogram: what activations cost after their batches were seen.
void choose_range_of_histogram(benchmark::State& state) {
    lowbit::histogram_observer observer;
    observer.observe(bench::gaussian(1000000));
    const lowbit::histogram counted = observer.counted();
    const lowbit::clip_spec spec{static_cast<lowbit::clip_method>(state.range(0))};
    state.SetLabel(to_string(spec));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::choose_range(counted, spec, 8, false, true));
}
BENCHMARK(choose_range_of_histogram)->DenseRange(1, 5)->Unit(benchmark::kMicrosecond);

}  // namespace
