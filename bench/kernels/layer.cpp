// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/layer.hpp>

#include <bench/support/integer_layers.hpp>

namespace {

/// The checks before packing, of a layer of 512 channels.
void check_layer(benchmark::State& state) {
    const bench::int8_layer source(512, 64);
    const auto layer = source.description();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::detail::check_layer(layer, 512));
    bench::count_items(state, 512);
}
BENCHMARK(check_layer);

}  // namespace
