// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/depthwise.hpp>

#include <bench/support/integer_layers.hpp>

namespace {

void depthwise(benchmark::State& state) {
    const std::ptrdiff_t kernel = state.range(0), pad = kernel / 2;
    const lowbit::depthwise_shape shape{28, 28, 64, {kernel, kernel, 1, 1, pad, pad, pad, pad}};
    const bench::int8_layer source(shape.out_channels(), kernel * kernel);
    const auto layer = source.description();
    const auto x = bench::integers<std::int8_t>({28, 28, 64}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({28, 28, 64});
    bench::run_packed<lowbit::packed_depthwise>(
        state, lowbit::packed_depthwise_bytes(shape, layer),
        [&](void* memory) { return bool(lowbit::pack_depthwise(shape, layer, memory)); },
        [&](const auto& packed) { return lowbit::depthwise_workspace_bytes(packed, 1); },
        [&](const auto& packed, void* workspace) { lowbit::depthwise(packed, 1, x.data(), y.data(), workspace); });
    bench::count_items(state, y.size() * kernel * kernel);
}
BENCHMARK(depthwise)->ArgName("kernel")->Arg(3)->Arg(5);

}  // namespace
