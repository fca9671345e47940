// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_nvfp4.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void nvfp4_quantize(benchmark::State& state) {
    const auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(32768), scales(4096);
    const float scale = lowbit::nvfp4_tensor_scale(4.5f);
    for (auto _ : state) {
        lowbit::quantize_nvfp4(x.data(), x.size(), scale, 16, state.range(0) != 0, nullptr, codes.data(),
                               scales.data());
        benchmark::DoNotOptimize(codes.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(nvfp4_quantize)->Name("quantize_nvfp4")->ArgName("search")->Arg(0)->Arg(1);

void nvfp4_dequantize(benchmark::State& state) {
    auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(32768), scales(4096);
    const float scale = lowbit::nvfp4_tensor_scale(4.5f);
    lowbit::quantize_nvfp4(x.data(), x.size(), scale, 16, false, nullptr, codes.data(), scales.data());
    for (auto _ : state) {
        lowbit::dequantize_nvfp4(codes.data(), scales.data(), x.size(), scale, 16, x.data());
        benchmark::DoNotOptimize(x.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(nvfp4_dequantize)->Name("dequantize_nvfp4");

}  // namespace
