// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/huffman.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

std::vector<std::uint8_t> labels() {
    std::vector<std::uint8_t> symbols;
    for (const float x : bench::gaussian(1 << 18)) symbols.push_back(static_cast<std::uint8_t>(8 + 2 * x));
    return symbols;
}

void encode_huffman(benchmark::State& state) {
    const auto symbols = labels();
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::huffman_encode<std::uint8_t>(symbols));
    bench::count_items(state, std::ssize(symbols));
}
BENCHMARK(encode_huffman);

void decode_huffman(benchmark::State& state) {
    const auto symbols = labels();
    const auto coded = lowbit::huffman_encode<std::uint8_t>(symbols);
    std::vector<std::uint8_t> decoded(symbols.size());
    for (auto _ : state) {
        lowbit::huffman_decode<std::uint8_t>(coded, decoded);
        benchmark::ClobberMemory();
    }
    bench::count_items(state, std::ssize(symbols));
}
BENCHMARK(decode_huffman);

}  // namespace
