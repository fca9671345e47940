// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/error.hpp>

#include <bench/support/data.hpp>

namespace {

/// The price of a check that holds.
void check_that_holds(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    for (auto _ : state) {
        for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
            lowbit::check(values[i] < 100.0f, "value ", i, " is ", values[i]);
        }
    }
    bench::count_items(state, values.size());
}
BENCHMARK(check_that_holds);

void error_thrown_and_caught(benchmark::State& state) {
    for (auto _ : state) {
        try {
            lowbit::fail("value ", 3, " is ", 0.5f);
        } catch (const lowbit::error& error) {
            benchmark::DoNotOptimize(error.what());
        }
    }
}
BENCHMARK(error_thrown_and_caught);

}  // namespace
