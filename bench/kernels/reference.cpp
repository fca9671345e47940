// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reference.hpp>

#include <bench/support/data.hpp>

namespace {

void reference_linear(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({8, 256}, -128, 127),
               w = bench::integers<std::int8_t>({64, 256}, -127, 127);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.0005);
    lowbit::tensor<std::int8_t> y({8, 64});
    for (auto _ : state) {
        lowbit::reference::linear(8, {256, 64}, x.data(), 3, w.data(), {}, {.multipliers = {&factor, 1}}, y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, 8 * 256 * 64);
}
BENCHMARK(reference_linear);

}  // namespace
