// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/minifloat.hpp>

#include <bench/support/data.hpp>

namespace {

template <class Format>
void encode(benchmark::State& state) {
    const auto values = bench::gaussian(4096);
    for (auto _ : state) {
        unsigned sum = 0;
        for (const float x : values) sum += Format(x).to_bits();
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(encode<lowbit::float8_e4m3>);
BENCHMARK(encode<lowbit::float4_e2m1>);
BENCHMARK(encode<lowbit::float16>);

template <class Format>
void decode(benchmark::State& state) {
    constexpr unsigned count = 1u << Format::bits;
    for (auto _ : state) {
        float sum = 0;
        for (unsigned code = 0; code < count; ++code) sum += static_cast<float>(Format::from_bits(code));
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, count);
}
BENCHMARK(decode<lowbit::float8_e4m3>);
BENCHMARK(decode<lowbit::float16>);

}  // namespace
