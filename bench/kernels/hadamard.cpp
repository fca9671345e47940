// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/hadamard.hpp>

#include <bench/support/data.hpp>

namespace {

void rotate_codes(benchmark::State& state) {
    const std::ptrdiff_t columns = state.range(0), rows = 65536 / columns;
    const auto x = bench::integers<std::int8_t>({rows, columns}, -128, 127);
    lowbit::tensor<std::int8_t> y({rows, columns});
    const lowbit::rescale_stage stage{lowbit::make_multiplier(0.05), 3, -5, {}};
    for (auto _ : state) {
        lowbit::hadamard(rows, columns, x.data(), {.seed = 1}, stage, y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, x.size());
}
BENCHMARK(rotate_codes)->Arg(64)->Arg(1024);

}  // namespace
