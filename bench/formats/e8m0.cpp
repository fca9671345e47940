// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/e8m0.hpp>

#include <bench/support/data.hpp>

namespace {

void decode(benchmark::State& state) {
    for (auto _ : state) {
        float sum = 0;
        for (int code = 0; code < 255; ++code) {
            sum += static_cast<float>(lowbit::e8m0::from_bits(static_cast<std::uint8_t>(code)));
        }
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, 255);
}
BENCHMARK(decode)->Name("e8m0_decode");

}  // namespace
