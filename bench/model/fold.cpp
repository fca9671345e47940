// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/fold.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void fold_batch_norms(benchmark::State& state) {
    const auto net = networks::mobile();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::fold_batch_norms(net).size());
}
BENCHMARK(fold_batch_norms);

}  // namespace
