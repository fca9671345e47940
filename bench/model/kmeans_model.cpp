// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/kmeans_model.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void share_weights(benchmark::State& state) {
    const auto net = networks::lenet(28);
    for (auto _ : state)
        benchmark::DoNotOptimize(lowbit::kmeans_model(net, {.bits = static_cast<int>(state.range(0))}).bytes());
}
BENCHMARK(share_weights)->ArgName("bits")->Arg(2)->Arg(4)->Arg(8);

}  // namespace
