// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/dot.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void float_dot(benchmark::State& state) {
    const auto x = bench::gaussian(4096);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::dot(x.data(), x.data(), x.size()));
    bench::count_items(state, x.size());
}
BENCHMARK(float_dot)->Name("dot");

void vsq(benchmark::State& state) {
    const auto codes = bench::integers<std::int32_t>({4096}, -7, 7),
               scales = bench::integers<std::int32_t>({256}, 0, 15);
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            lowbit::vsq_dot(codes.data(), scales.data(), codes.data(), scales.data(), codes.size(), 16));
    }
    bench::count_items(state, codes.size());
}
BENCHMARK(vsq)->Name("vsq_dot");

void mx(benchmark::State& state) {
    const auto x = bench::gaussian(4096);
    const std::vector<lowbit::e8m0> scales(128, lowbit::e8m0::from_exponent(1));
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::mx_dot(x.data(), scales.data(), x.data(), scales.data(), x.size(), 32));
    }
    bench::count_items(state, x.size());
}
BENCHMARK(mx)->Name("mx_dot");

}  // namespace
