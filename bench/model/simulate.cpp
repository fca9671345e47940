// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/simulate.hpp>

#include <cstdint>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

lowbit::quantized_graph simulated_network() {
    const lowbit::tensor<float> batches[] = {networks::random({16, 12, 12, 3}, -1, 1, 5)};
    return lowbit::quantize_graph(networks::mobile(), batches, {});
}

void simulate(benchmark::State& state) {
    const auto q = simulated_network();
    const auto images = networks::random({16, 12, 12, 3}, -1, 1, 5);
    for (auto _ : state)
        lowbit::simulate<std::int8_t>(q, images, [](lowbit::edge, const lowbit::node&, const lowbit::code_view&) {});
    bench::count_items(state, 16);
}
BENCHMARK(simulate);

}  // namespace
