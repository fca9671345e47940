// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/parts.hpp>

#include <bench/support/data.hpp>

static void to_parts(benchmark::State& state) {
    const auto q = lowbit::quantize(bench::gaussian({256, 256}),
                                    lowbit::affine{.bits = 4, .granularity = lowbit::per_group(1, 32)});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::to_parts(q));
    bench::count_items(state, 1 << 16);
}
BENCHMARK(to_parts);
