// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/crc32c.hpp>

#include <benchmark/benchmark.h>

#include <vector>

static void crc32c(benchmark::State& state) {
    const std::vector<std::byte> bytes(1 << 16);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::crc32c(bytes));
    state.SetBytesProcessed(state.iterations() * std::ssize(bytes));
}
BENCHMARK(crc32c);
