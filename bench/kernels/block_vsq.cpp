// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_vsq.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

constexpr lowbit::vsq_format format;

void vsq_quantize(benchmark::State& state) {
    const auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(32768), scales(2048);
    for (auto _ : state) {
        const float gamma = lowbit::vsq_gamma(lowbit::vsq_amax(x.data(), x.size(), true), format);
        lowbit::quantize_vsq(x.data(), x.size(), gamma, format, codes.data(), scales.data());
        benchmark::DoNotOptimize(codes.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(vsq_quantize)->Name("quantize_vsq");

void vsq_dequantize(benchmark::State& state) {
    auto x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes(32768), scales(2048);
    lowbit::quantize_vsq(x.data(), x.size(), 0.05f, format, codes.data(), scales.data());
    for (auto _ : state) {
        lowbit::dequantize_vsq(codes.data(), scales.data(), x.size(), 0.05f, format, x.data());
        benchmark::DoNotOptimize(x.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(vsq_dequantize)->Name("dequantize_vsq");

}  // namespace
