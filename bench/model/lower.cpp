// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/lower.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

lowbit::quantized_graph quantized() {
    const lowbit::tensor<float> batches[] = {networks::random({16, 12, 12, 3}, -1, 1, 5)};
    return lowbit::quantize_graph(networks::mobile(), batches, {});
}

void lower(benchmark::State& state) {
    const auto q = quantized();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::lower(q).data());
    bench::count_items(state, q.network.size());
}
BENCHMARK(lower);

}  // namespace
