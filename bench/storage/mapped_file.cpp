// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/mapped_file.hpp>

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

static void map_file(benchmark::State& state) {
    const std::string path = std::tmpnam(nullptr);
    lowbit::write_file(path, std::vector<std::byte>(1 << 20));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::mapped_file(path).bytes()[4096]);
    std::remove(path.c_str());
}
BENCHMARK(map_file);
