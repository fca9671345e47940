// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/equalize.hpp>
#include <lowbit/model/fold.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void equalize(benchmark::State& state) {
    const auto net = lowbit::fold_batch_norms(networks::mobile());
    for (auto _ : state) {
        auto copy = net;
        benchmark::DoNotOptimize(lowbit::equalize(copy));
    }
}
BENCHMARK(equalize);

}  // namespace
