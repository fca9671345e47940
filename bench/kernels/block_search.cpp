// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_search.hpp>

#include <bench/support/data.hpp>

namespace {

namespace one = lowbit::detail::lanes_scalar;

void scale(benchmark::State& state) {
    const auto x = bench::gaussian(32);
    for (auto _ : state) {
        benchmark::DoNotOptimize(one::best_integer_scale(x.data(), nullptr, 32, 0.3f, {-8, 7, 8, 0.25f}));
    }
    bench::count_items(state, 32);
}
BENCHMARK(scale)->Name("best_integer_scale");

void line(benchmark::State& state) {
    const auto x = bench::gaussian(32);
    for (auto _ : state) {
        const one::value_range range(x.data(), 32, x[0]);
        benchmark::DoNotOptimize(one::best_line(x.data(), nullptr, 32, range, {15, 16, false}));
    }
    bench::count_items(state, 32);
}
BENCHMARK(line)->Name("best_line");

}  // namespace
