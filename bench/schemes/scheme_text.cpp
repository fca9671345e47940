// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/scheme_text.hpp>

#include <bench/support/data.hpp>

namespace {

void split_and_take(benchmark::State& state) {
    for (auto _ : state) {
        lowbit::scheme_text text("int4:group=128@1:asymmetric");
        benchmark::DoNotOptimize(text.take_granularity());
        benchmark::DoNotOptimize(text.take_flag("asymmetric"));
    }
}
BENCHMARK(split_and_take);

}  // namespace
