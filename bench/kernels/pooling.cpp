// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pooling.hpp>

#include <bench/support/data.hpp>

namespace {

const lowbit::pool2d_shape halve{
    56, 56, 64, {.kernel_height = 2, .kernel_width = 2, .stride_height = 2, .stride_width = 2}};

void max_pool_2x2(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({56, 56, 64}, -128, 127);
    lowbit::tensor<std::int8_t> y({28, 28, 64});
    for (auto _ : state) {
        lowbit::max_pool(1, halve, x.data(), y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, x.size());
}
BENCHMARK(max_pool_2x2);

void average_pool_2x2(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({56, 56, 64}, -128, 127);
    lowbit::tensor<std::int8_t> y({28, 28, 64});
    for (auto _ : state) {
        lowbit::average_pool(1, halve, x.data(), y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, x.size());
}
BENCHMARK(average_pool_2x2);

void global_average_pool_7x7(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({49, 512}, -128, 127);
    lowbit::tensor<std::int8_t> y({512});
    for (auto _ : state) {
        lowbit::global_average_pool(1, 49, 512, x.data(), y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, x.size());
}
BENCHMARK(global_average_pool_7x7);

}  // namespace
