// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_mx.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void mx_quantize(benchmark::State& state) {
    const auto x = bench::gaussian(65536);
    const lowbit::mx_format format{.element = static_cast<lowbit::mx_element>(state.range(0)),
                                   .scale = static_cast<lowbit::mx_scale>(state.range(1))};
    std::vector<std::uint8_t> codes(65536), scales(2048);
    for (auto _ : state) {
        lowbit::quantize_mx(x.data(), x.size(), format, nullptr, codes.data(), scales.data());
        benchmark::DoNotOptimize(codes.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(mx_quantize)->Name("quantize_mx")->ArgNames({"element", "scale"})->ArgsProduct({{0, 1, 2, 3, 4, 5}, {0, 4}});

void mx_dequantize(benchmark::State& state) {
    const auto element = static_cast<lowbit::mx_element>(state.range(0));
    const auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(65536), scales(2048);
    std::vector<float> y(65536);
    lowbit::quantize_mx(x.data(), x.size(), {.element = element}, nullptr, codes.data(), scales.data());
    for (auto _ : state) {
        lowbit::dequantize_mx(codes.data(), scales.data(), x.size(), element, y.data());
        benchmark::DoNotOptimize(y.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(mx_dequantize)->Name("dequantize_mx")->ArgName("element")->DenseRange(0, 5);

}  // namespace
