// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/conv2d.hpp>

#include <bench/support/data.hpp>

namespace {

void conv2d_layer(benchmark::State& state, const lowbit::conv2d_shape& shape) {
    const auto x = bench::integers<std::int8_t>({shape.height, shape.width, shape.channels}, -128, 127);
    const auto w = bench::integers<std::int8_t>({shape.out_channels, shape.depth()}, -127, 127);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.0005);
    const lowbit::integer_layer layer{
        .weights = w.data(), .input_zero_point = 3, .output = {.multipliers = {&factor, 1}}};
    lowbit::aligned_vector<std::byte> memory(lowbit::packed_conv2d_bytes(shape, layer));
    (void)lowbit::pack_conv2d(shape, layer, memory.data());
    const lowbit::packed_conv2d packed(memory.data());
    lowbit::aligned_vector<std::byte> workspace(lowbit::conv2d_workspace_bytes(packed, 1));
    lowbit::tensor<std::int8_t> y({shape.out_height(), shape.out_width(), shape.out_channels});
    for (auto _ : state) {
        lowbit::conv2d(packed, 1, x.data(), y.data(), workspace.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, y.size() * shape.depth());
}
BENCHMARK_CAPTURE(conv2d_layer, first, lowbit::conv2d_shape{112, 112, 3, 32, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, 1});
BENCHMARK_CAPTURE(conv2d_layer, square, lowbit::conv2d_shape{28, 28, 128, 128, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1});
BENCHMARK_CAPTURE(conv2d_layer, pointwise, lowbit::conv2d_shape{28, 28, 128, 128, {}, 1});
BENCHMARK_CAPTURE(conv2d_layer, grouped, lowbit::conv2d_shape{28, 28, 128, 128, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 4});

}  // namespace
