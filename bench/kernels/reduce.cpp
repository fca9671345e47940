// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reduce.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t reduced_count = 65536;

void find_extent(benchmark::State& state) {
    const auto x = bench::gaussian(reduced_count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_extent(x.data(), reduced_count, {}));
    bench::count_items(state, reduced_count);
}
BENCHMARK(find_extent);

void find_magnitude(benchmark::State& state) {
    const auto x = bench::gaussian(reduced_count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_magnitude(x.data(), reduced_count));
    bench::count_items(state, reduced_count);
}
BENCHMARK(find_magnitude);

void find_nan(benchmark::State& state) {
    const auto x = bench::gaussian(reduced_count);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::find_nan(x.data(), reduced_count));
    bench::count_items(state, reduced_count);
}
BENCHMARK(find_nan);

}  // namespace
