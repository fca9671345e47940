// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/layer_moments.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void layer_moments(benchmark::State& state) {
    const auto net = networks::mobile();
    const std::vector<lowbit::tensor<float>> batches{networks::random({16, 12, 12, 3}, -1, 1, 1)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::layer_moments(net, batches).data());
    bench::count_items(state, 16);
}
BENCHMARK(layer_moments);

}  // namespace
