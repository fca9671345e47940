// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pooling.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr lowbit::pool2d_shape halves{28, 28, 64, {2, 2, 2, 2}};

template <class Pool>
void pool(benchmark::State& state, Pool run) {
    const auto x = bench::integers<std::int8_t>({28, 28, 64}, -128, 127);
    lowbit::tensor<std::int8_t> y({14, 14, 64});
    for (auto _ : state) {
        run(x.data(), y.data());
        benchmark::DoNotOptimize(y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, x.size());
}
BENCHMARK_CAPTURE(pool, max, [](const auto* x, auto* y) { lowbit::max_pool(1, halves, x, y); });
BENCHMARK_CAPTURE(pool, average, [](const auto* x, auto* y) { lowbit::average_pool(1, halves, x, y); });
BENCHMARK_CAPTURE(pool, global_average,
                  [](const auto* x, auto* y) { lowbit::global_average_pool(1, 28 * 28, 64, x, y); });

}  // namespace
