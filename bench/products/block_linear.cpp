// SPDX-License-Identifier: Apache-2.0
#include <lowbit/products/block_linear.hpp>

#include <bench/support/data.hpp>

namespace {

void dynamic(benchmark::State& state) {
    const auto weights = lowbit::quantize(bench::gaussian({64, 1024}),
                                          lowbit::affine{.bits = 4, .granularity = lowbit::per_group(1, 32)});
    const auto x = bench::gaussian({8, 1024});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::dynamic_linear(x, weights));
    bench::count_items(state, x.size() * 64);
}
BENCHMARK(dynamic)->Name("dynamic_linear");

template <class Scheme>
void both(benchmark::State& state) {
    const auto weights = lowbit::quantize(bench::gaussian({64, 1024}), Scheme{});
    const auto x = lowbit::quantize(bench::gaussian({8, 1024}), Scheme{});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::linear(x, weights));
    bench::count_items(state, 8 * 1024 * 64);
}
BENCHMARK(both<lowbit::vsq>)->Name("linear of vsq");
BENCHMARK(both<lowbit::mxfp4>)->Name("linear of mxfp4");

}  // namespace
