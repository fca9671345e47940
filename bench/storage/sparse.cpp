// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/sparse.hpp>

#include <bench/support/data.hpp>

#include <vector>

static void sparse_decode(benchmark::State& state) {
    std::vector<std::uint8_t> symbols;
    for (const float x : bench::gaussian(1 << 18))
        symbols.push_back(x > 1.5f ? static_cast<std::uint8_t>(1 + 3 * (x - 1.5f)) : std::uint8_t{0});
    const auto coded = lowbit::sparse_encode<std::uint8_t>(symbols);
    for (auto _ : state) {
        lowbit::sparse_decode<std::uint8_t>(coded, symbols);
        benchmark::ClobberMemory();
    }
    bench::count_items(state, std::ssize(symbols));
}
BENCHMARK(sparse_decode);
