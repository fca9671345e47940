// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/config.hpp>

#include <bench/support/data.hpp>

namespace {

LOWBIT_ALWAYS_INLINE float square(float x) {
    LOWBIT_ASSERT(x == x);
    return x * x;
}

/// With NDEBUG the assertion is gone and this is a plain loop.
void inlined_helper_with_assertion(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    for (auto _ : state) {
        float sum = 0;
        for (const float x : values) sum += square(x);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(inlined_helper_with_assertion);

}  // namespace
