// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/activations.hpp>

#include <bench/support/data.hpp>

namespace {

/// Filling the table of 256 codes that an integer network uses.
void activation_table(benchmark::State& state) {
    const auto function = lowbit::activations::gelu();
    for (auto _ : state) {
        float sum = 0;
        for (int code = -128; code < 128; ++code) sum += function.function(static_cast<float>(code) * 0.05f);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, 256);
}
BENCHMARK(activation_table);

}  // namespace
