// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/report.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

lowbit::quantized_graph reported_network() {
    const lowbit::tensor<float> batches[] = {networks::random({16, 12, 12, 3}, -1, 1, 5)};
    return lowbit::quantize_graph(networks::mobile(), batches, {});
}

void report_layers(benchmark::State& state) {
    const lowbit::integer_network net(reported_network());
    const auto images = networks::random({16, 12, 12, 3}, -1, 1, 5);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::report_layers(net, images).data());
    bench::count_items(state, 16);
}
BENCHMARK(report_layers);

}  // namespace
