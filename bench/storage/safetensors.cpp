// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/safetensors.hpp>

#include <bench/support/data.hpp>

static void read_safetensors(benchmark::State& state) {
    lowbit::safetensors_writer writer;
    writer.add("w", bench::gaussian(1 << 16));
    const auto file = writer.bytes();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::safetensors(file).read<float>("w"));
    bench::count_items(state, 1 << 16);
}
BENCHMARK(read_safetensors);
