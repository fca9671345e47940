// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/conv2d.hpp>

#include <bench/support/integer_layers.hpp>

namespace {

void conv2d(benchmark::State& state) {
    const std::ptrdiff_t kernel = state.range(0), pad = kernel / 2;
    const lowbit::conv2d_shape shape{14, 14, 64, 64, {kernel, kernel, 1, 1, pad, pad, pad, pad}};
    const bench::int8_layer source(shape.out_channels, shape.depth());
    const auto layer = source.description();
    const auto x = bench::integers<std::int8_t>({14, 14, 64}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({14, 14, 64});
    bench::run_packed<lowbit::packed_conv2d>(
        state, lowbit::packed_conv2d_bytes(shape, layer),
        [&](void* memory) { return bool(lowbit::pack_conv2d(shape, layer, memory)); },
        [&](const auto& packed) { return lowbit::conv2d_workspace_bytes(packed, 1); },
        [&](const auto& packed, void* workspace) { lowbit::conv2d(packed, 1, x.data(), y.data(), workspace); });
    bench::count_items(state, y.size() * shape.depth());
}
BENCHMARK(conv2d)->ArgName("kernel")->Arg(1)->Arg(3);

}  // namespace
