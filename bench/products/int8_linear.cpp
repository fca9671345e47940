// SPDX-License-Identifier: Apache-2.0
#include <lowbit/products/int8_linear.hpp>

#include <bench/support/data.hpp>

namespace {

void int8_linear_eigen(benchmark::State& state) {
    const auto w = bench::integers<std::int8_t>({256, 256}, -127, 127),
               values = bench::integers<std::int8_t>({64, 256}, -128, 127);
    const lowbit::row_matrix<std::int8_t> x = lowbit::as_matrix(values);
    const lowbit::int8_linear layer({256, 256}, {.weights = w.data(), .output_type = lowbit::code_type::s32});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::linear<std::int32_t>(layer, x));
    bench::count_items(state, 64 * 256 * 256);
}
BENCHMARK(int8_linear_eigen);

}  // namespace
