// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/fold.hpp>
#include <lowbit/model/rotate.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void rotate_layers(benchmark::State& state) {
    const auto net = lowbit::fold_batch_norms(networks::mobile());
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::rotate_layers(net, [](const lowbit::node&) { return true; }));
}
BENCHMARK(rotate_layers);

}  // namespace
