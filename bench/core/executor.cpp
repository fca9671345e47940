// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/executor.hpp>

#include <bench/support/data.hpp>

namespace {

/// The price of one indirect call per index.
void serial_loop(benchmark::State& state) {
    const lowbit::executor serial;
    for (auto _ : state) {
        serial.parallel_for(4096, [](std::ptrdiff_t i) { benchmark::DoNotOptimize(i); });
    }
    bench::count_items(state, 4096);
}
BENCHMARK(serial_loop);

}  // namespace
