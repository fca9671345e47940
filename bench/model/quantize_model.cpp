// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void quantize_model(benchmark::State& state) {
    const auto net = networks::mobile();
    const lowbit::tensor<float> batches[] = {networks::random({64, 12, 12, 3}, -1, 1, 5)};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize_model(net, batches).layers.data());
}
BENCHMARK(quantize_model);

}  // namespace
