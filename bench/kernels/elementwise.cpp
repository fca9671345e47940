// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/elementwise.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t n = 1 << 14;

template <class Operation>
void elementwise(benchmark::State& state, Operation run) {
    const auto a = bench::integers<std::int8_t>({n}, -128, 127, 1), b = bench::integers<std::int8_t>({n}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({n});
    for (auto _ : state) {
        run(a.data(), b.data(), y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, n);
}

const auto add = [](const auto* a, const auto* b, auto* y) {
    const lowbit::add_stage stage{lowbit::make_multiplier(0.7), lowbit::make_multiplier(0.4), 3, -7, 1};
    lowbit::add(n, a, b, stage, y);
};
const auto mul = [](const auto* a, const auto* b, auto* y) {
    lowbit::mul(n, a, b, lowbit::mul_stage{lowbit::make_multiplier(0.01), 3, -7, 1}, y);
};
const auto rescale = [](const auto* a, const auto*, auto* y) {
    lowbit::rescale_rows(n / 64, 64, a, lowbit::rescale_stage{lowbit::make_multiplier(0.7), 3, 1}, y, 64);
};
const auto table = [](const auto* a, const auto* b, auto* y) { lowbit::apply_table(n, a, b, y); };

BENCHMARK_CAPTURE(elementwise, add, add);
BENCHMARK_CAPTURE(elementwise, mul, mul);
BENCHMARK_CAPTURE(elementwise, rescale_rows, rescale);
BENCHMARK_CAPTURE(elementwise, apply_table, table);

}  // namespace
