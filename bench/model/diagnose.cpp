// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/diagnose.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void diagnose(benchmark::State& state) {
    const std::vector<lowbit::tensor<float>> batches{networks::random({16, 12, 12, 1}, 0, 1, 5)};
    const lowbit::integer_network net(lowbit::quantize_graph(networks::lenet(), batches, {}));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::diagnose(net, batches[0]).data());
}
BENCHMARK(diagnose);

}  // namespace
