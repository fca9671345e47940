// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/float_run.hpp>

#include <bench/support/data.hpp>

namespace {

/// One convolution of 32 to `outputs` channels on 14x14, batch 16; items are multiply-accumulates.
void float_conv2d(benchmark::State& state) {
    const std::ptrdiff_t outputs = state.range(0);
    lowbit::graph g;
    const auto x = g.input({1, 14, 14, 32});
    g.output(g.conv2d(x, {.weights = bench::gaussian({outputs, 3, 3, 32}), .padding = lowbit::same()}));
    const auto images = bench::gaussian({16, 14, 14, 32});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::float_run(g, images).data());
    bench::count_items(state, 16 * 14 * 14 * outputs * 9 * 32);
}
BENCHMARK(float_conv2d)->ArgName("outputs")->Arg(32)->Arg(64);

void float_depthwise_conv2d(benchmark::State& state) {
    lowbit::graph g;
    const auto x = g.input({1, 14, 14, 64});
    g.output(g.depthwise_conv2d(x, {.weights = bench::gaussian({64, 3, 3, 1}), .padding = lowbit::same()}));
    const auto images = bench::gaussian({16, 14, 14, 64});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::float_run(g, images).data());
    bench::count_items(state, 16 * 14 * 14 * 64 * 9);
}
BENCHMARK(float_depthwise_conv2d);

}  // namespace
