// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/cpu.hpp>

#include <bench/support/data.hpp>

namespace {

/// What every dispatching kernel pays once per call.
void active_isa(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::active_isa());
}
BENCHMARK(active_isa);

}  // namespace
