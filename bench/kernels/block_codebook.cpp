// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_ggml.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

constexpr lowbit::codebook_table table = lowbit::make_codebook_table(lowbit::iq4_nl_levels);

void codebook_quantize(benchmark::State& state) {
    const auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(32768);
    std::vector<float> scales(1024);
    for (auto _ : state) {
        if (state.range(0) != 0) {
            lowbit::codebook_best_scales(x.data(), x.size(), 64, table, nullptr, scales.data());
        } else {
            lowbit::codebook_scales(x.data(), x.size(), 64, table.top, scales.data());
        }
        lowbit::quantize_codebook(x.data(), x.size(), 64, table, scales.data(), codes.data());
        benchmark::DoNotOptimize(codes.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(codebook_quantize)->Name("quantize_codebook")->ArgName("search")->Arg(0)->Arg(1);

void codebook_dequantize(benchmark::State& state) {
    const std::vector<std::uint8_t> codes(32768, 0x5a);
    const std::vector<float> scales(1024, 0.5f);
    std::vector<float> y(65536);
    for (auto _ : state) {
        lowbit::dequantize_codebook(codes.data(), 65536, 64, table.levels, scales.data(), y.data());
        benchmark::DoNotOptimize(y.data());
    }
    bench::count_items(state, 65536);
}
BENCHMARK(codebook_dequantize)->Name("dequantize_codebook");

}  // namespace
