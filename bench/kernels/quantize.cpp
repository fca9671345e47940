// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/quantize.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t quantized_count = 65536;

template <class Code>
void quantize_affine(benchmark::State& state) {
    const auto x = bench::gaussian(quantized_count);
    lowbit::tensor<Code> codes({quantized_count});
    for (auto _ : state) {
        lowbit::quantize_affine(x.data(), quantized_count, {.inverse_scale = 30.0f}, codes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, quantized_count);
}
BENCHMARK(quantize_affine<std::int8_t>);
BENCHMARK(quantize_affine<std::int16_t>);

template <class Code>
void dequantize_affine(benchmark::State& state) {
    const auto codes = bench::integers<Code>({quantized_count}, -127, 127);
    lowbit::tensor<float> x({quantized_count});
    for (auto _ : state) {
        lowbit::dequantize_affine(codes.data(), quantized_count, 0.1f, 3, x.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, quantized_count);
}
BENCHMARK(dequantize_affine<std::int8_t>);
BENCHMARK(dequantize_affine<std::int16_t>);

}  // namespace
