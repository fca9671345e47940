// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_microexponent.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

struct buffers {
    lowbit::tensor<float> x = bench::gaussian(65536);
    std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(65536), exponents = std::vector<std::uint8_t>(4096),
                              shifts = std::vector<std::uint8_t>(4096);
};

void microexponent_quantize(benchmark::State& state) {
    buffers b;
    const lowbit::microexponent_format format{.mantissa_bits = static_cast<int>(state.range(0))};
    for (auto _ : state) {
        lowbit::quantize_microexponent(b.x.data(), b.x.size(), format, b.codes.data(), b.exponents.data(),
                                       b.shifts.data());
        benchmark::DoNotOptimize(b.codes.data());
    }
    bench::count_items(state, b.x.size());
}
BENCHMARK(microexponent_quantize)->Name("quantize_microexponent")->ArgName("m")->Arg(7)->Arg(4)->Arg(2);

void microexponent_dequantize(benchmark::State& state) {
    buffers b;
    const lowbit::microexponent_format format{.mantissa_bits = static_cast<int>(state.range(0))};
    lowbit::quantize_microexponent(b.x.data(), b.x.size(), format, b.codes.data(), b.exponents.data(), b.shifts.data());
    for (auto _ : state) {
        lowbit::dequantize_microexponent(b.codes.data(), b.exponents.data(), b.shifts.data(), b.x.size(), format,
                                         b.x.data());
        benchmark::DoNotOptimize(b.x.data());
    }
    bench::count_items(state, b.x.size());
}
BENCHMARK(microexponent_dequantize)->Name("dequantize_microexponent")->ArgName("m")->Arg(7)->Arg(4)->Arg(2);

}  // namespace
