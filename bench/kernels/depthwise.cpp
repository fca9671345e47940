// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/depthwise.hpp>

#include <bench/support/data.hpp>

namespace {

void depthwise_layer(benchmark::State& state, const lowbit::depthwise_shape& shape) {
    const lowbit::conv2d_shape grouped = shape.as_conv2d();
    const auto x = bench::integers<std::int8_t>({shape.height, shape.width, shape.channels}, -128, 127);
    const auto w = bench::integers<std::int8_t>({shape.out_channels(), grouped.depth()}, -127, 127);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.005);
    const lowbit::integer_layer layer{
        .weights = w.data(), .input_zero_point = 3, .output = {.multipliers = {&factor, 1}}};
    lowbit::aligned_vector<std::byte> memory(lowbit::packed_depthwise_bytes(shape, layer));
    (void)lowbit::pack_depthwise(shape, layer, memory.data());
    const lowbit::packed_depthwise packed(memory.data());
    lowbit::aligned_vector<std::byte> workspace(lowbit::depthwise_workspace_bytes(packed, 1));
    lowbit::tensor<std::int8_t> y({grouped.out_height(), grouped.out_width(), shape.out_channels()});
    for (auto _ : state) {
        lowbit::depthwise(packed, 1, x.data(), y.data(), workspace.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, y.size() * grouped.depth());
}
BENCHMARK_CAPTURE(depthwise_layer, 3x3, lowbit::depthwise_shape{56, 56, 64, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1});
BENCHMARK_CAPTURE(depthwise_layer, 3x3_stride_2,
                  lowbit::depthwise_shape{56, 56, 64, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, 1});
BENCHMARK_CAPTURE(depthwise_layer, 5x5, lowbit::depthwise_shape{28, 28, 96, {5, 5, 1, 1, 2, 2, 2, 2, 1, 1}, 1});
BENCHMARK_CAPTURE(depthwise_layer, multiplier_2,
                  lowbit::depthwise_shape{28, 28, 32, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 2});

}  // namespace
