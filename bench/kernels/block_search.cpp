// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_search.hpp>

#include <bench/support/data.hpp>

#include <algorithm>
#include <cmath>

namespace {

void scale(benchmark::State& state) {
    const auto x = bench::gaussian(32);
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::least_squares_scale(
            x.data(), 32, nullptr, 0.3f, 8, 0.3f, [](float y) { return std::clamp(std::nearbyint(y), -8.0f, 7.0f); }));
    }
    bench::count_items(state, 32);
}
BENCHMARK(scale)->Name("least_squares_scale");

void line(benchmark::State& state) {
    const auto x = bench::gaussian(32);
    const auto [lowest, largest] = std::minmax_element(x.begin(), x.end());
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::least_squares_line(x.data(), 32, nullptr, *lowest, *largest, 15, false, 16));
    }
    bench::count_items(state, 32);
}
BENCHMARK(line)->Name("least_squares_line");

}  // namespace
