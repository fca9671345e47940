// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/elementwise.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t count = 65536;

void add_codes(benchmark::State& state) {
    const auto a = bench::integers<std::int8_t>({count}, -128, 127),
               b = bench::integers<std::int8_t>({count}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({count});
    const lowbit::add_stage stage{lowbit::make_multiplier(0.7), lowbit::make_multiplier(0.4), 3, -5, 7, {}};
    for (auto _ : state) {
        lowbit::add(count, a.data(), b.data(), stage, y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(add_codes);

void mul_codes(benchmark::State& state) {
    const auto a = bench::integers<std::int8_t>({count}, -128, 127),
               b = bench::integers<std::int8_t>({count}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({count});
    const lowbit::mul_stage stage{lowbit::make_multiplier(0.01), 3, -5, 7, {}};
    for (auto _ : state) {
        lowbit::mul(count, a.data(), b.data(), stage, y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(mul_codes);

void rescale_for_concat(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({count}, -128, 127);
    lowbit::tensor<std::int8_t> y({2 * count});
    const lowbit::rescale_stage stage{lowbit::make_multiplier(0.7), 3, -5, {}};
    for (auto _ : state) {
        lowbit::rescale_rows(count / 256, 256, x.data(), stage, y.data(), 512);
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(rescale_for_concat);

void requantize_accumulators(benchmark::State& state) {
    const auto acc = bench::integers<std::int32_t>({count}, -100000, 100000);
    lowbit::tensor<std::int8_t> y({count});
    const std::vector<lowbit::multiplier> factors(256, lowbit::make_multiplier(0.001));
    for (auto _ : state) {
        lowbit::requantize(count / 256, 256, acc.data(), {.multipliers = factors}, y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(requantize_accumulators);

void table_of_codes(benchmark::State& state) {
    const auto x = bench::integers<std::int8_t>({count}, -128, 127),
               table = bench::integers<std::int8_t>({256}, -128, 127);
    lowbit::tensor<std::int8_t> y({count});
    for (auto _ : state) {
        lowbit::apply_table(count, x.data(), table.data(), y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(table_of_codes);

}  // namespace
