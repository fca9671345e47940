// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/size.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void estimate_size(benchmark::State& state) {
    const auto net = networks::mobile();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::estimate_size(net, {}).total());
}
BENCHMARK(estimate_size);

}  // namespace
