// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/graph.hpp>

#include <bench/support/data.hpp>

namespace {

void build_graph(benchmark::State& state) {
    const auto layers = state.range(0);
    const lowbit::tensor<float> weights({8, 3, 3, 8});
    for (auto _ : state) {
        lowbit::graph g;
        auto x = g.input({1, 28, 28, 8});
        for (std::ptrdiff_t i = 0; i < layers; ++i)
            x = g.relu(g.conv2d(x, {.weights = weights, .padding = lowbit::same()}));
        benchmark::DoNotOptimize(g.output(x));
    }
    bench::count_items(state, layers);
}
BENCHMARK(build_graph)->ArgName("layers")->Arg(8)->Arg(64);

}  // namespace
