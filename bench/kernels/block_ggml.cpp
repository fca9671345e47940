// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_ggml.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void ggml_quantize(benchmark::State& state) {
    const auto type = static_cast<lowbit::ggml_type>(state.range(0));
    const auto x = bench::gaussian(16384);
    std::vector<std::uint8_t> blocks(34 * 512);
    for (auto _ : state) {
        lowbit::quantize_ggml(x.data(), x.size(), type, state.range(1) != 0, nullptr, blocks.data());
        benchmark::DoNotOptimize(blocks.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(ggml_quantize)
    ->Name("quantize_ggml")
    ->ArgNames({"type", "search"})
    ->ArgsProduct({{0, 1, 2, 3, 4, 5, 6}, {0, 1}});

void ggml_dequantize(benchmark::State& state) {
    const auto type = static_cast<lowbit::ggml_type>(state.range(0));
    auto x = bench::gaussian(16384);
    std::vector<std::uint8_t> blocks(34 * 512);
    lowbit::quantize_ggml(x.data(), x.size(), type, false, nullptr, blocks.data());
    for (auto _ : state) {
        lowbit::dequantize_ggml(blocks.data(), x.size(), type, x.data());
        benchmark::DoNotOptimize(x.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(ggml_dequantize)->Name("dequantize_ggml")->ArgName("type")->DenseRange(0, 6);

}  // namespace
