// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/npy.hpp>

#include <bench/support/data.hpp>

namespace {

void write_npy(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::npy_bytes(values));
    bench::count_items(state, values.size());
}
BENCHMARK(write_npy);

void read_npy(benchmark::State& state) {
    const auto file = lowbit::npy_bytes(bench::gaussian(1 << 16));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::read_npy<float>(file));
    bench::count_items(state, 1 << 16);
}
BENCHMARK(read_npy);

}  // namespace
