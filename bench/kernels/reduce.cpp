// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reduce.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t count = 65536;

void find_extent(benchmark::State& state) {
    const auto x = bench::gaussian(count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_extent(x.data(), count, {}));
    bench::count_items(state, count);
}
BENCHMARK(find_extent);

void find_magnitude(benchmark::State& state) {
    const auto x = bench::gaussian(count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_magnitude(x.data(), count));
    bench::count_items(state, count);
}
BENCHMARK(find_magnitude);

void find_nan(benchmark::State& state) {
    const auto x = bench::gaussian(count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_nan(x.data(), count));
    bench::count_items(state, count);
}
BENCHMARK(find_nan);

}  // namespace
