// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantized_graph.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void code_owners(benchmark::State& state) {
    const auto net = networks::mobile();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::code_owners(net).data());
    bench::count_items(state, net.size());
}
BENCHMARK(code_owners);

}  // namespace
