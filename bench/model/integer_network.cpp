// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

lowbit::graph convolutions() {
    lowbit::graph g;
    auto x = g.input({1, 28, 28, 16});
    x = g.relu(g.conv2d(x, {.weights = networks::weights({32, 3, 3, 16}, 1), .padding = lowbit::same()}));
    x = g.max_pool(x);
    x = g.relu(g.conv2d(x, {.weights = networks::weights({32, 3, 3, 32}, 2), .padding = lowbit::same()}));
    g.output(g.linear(g.flatten(x), {.weights = networks::weights({10, 14 * 14 * 32}, 3)}));
    return g;
}

/// Float and integers on the same network: items are images.
void run_float(benchmark::State& state) {
    const auto net = convolutions();
    const auto images = networks::random({64, 28, 28, 16}, -1, 1, 5);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::float_run(net, images).data());
    bench::count_items(state, 64);
}
BENCHMARK(run_float);

void run_integers(benchmark::State& state) {
    const lowbit::tensor<float> batches[] = {networks::random({64, 28, 28, 16}, -1, 1, 5)};
    const lowbit::integer_network net(lowbit::quantize_graph(convolutions(), batches, {}));
    for (auto _ : state) benchmark::DoNotOptimize(net.run(batches[0]).data());
    bench::count_items(state, 64);
}
BENCHMARK(run_integers);

}  // namespace
