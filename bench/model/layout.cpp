// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/layout.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void nhwc_from_nchw(benchmark::State& state) {
    const auto x = bench::gaussian({4, 32, 28, 28});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::nhwc_from_nchw(x).data());
    bench::count_items(state, x.size());
}
BENCHMARK(nhwc_from_nchw);

}  // namespace
