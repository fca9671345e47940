// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/any.hpp>

#include <bench/support/data.hpp>

namespace {

void parse_and_print(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(to_string(lowbit::parse_scheme("int4:group=128:asymmetric:scale=f16")));
}
BENCHMARK(parse_and_print);

void quantize_any(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 12);
    const lowbit::any_scheme scheme = lowbit::parse_scheme("int8");
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(values, scheme));
    bench::count_items(state, values.size());
}
BENCHMARK(quantize_any);

}  // namespace
