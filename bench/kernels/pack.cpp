// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pack.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t codes_count = 65536;

void pack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const auto codes = bench::integers<std::uint8_t>({codes_count}, 0, 255);
    lowbit::tensor<std::uint8_t> bytes({codes_count});
    for (auto _ : state) {
        lowbit::pack(codes.data(), codes_count, bits, bytes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, codes_count);
}
BENCHMARK(pack)->DenseRange(2, 7);

void unpack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const auto bytes = bench::integers<std::uint8_t>({codes_count}, 0, 255);
    lowbit::tensor<std::int8_t> codes({codes_count});
    for (auto _ : state) {
        lowbit::unpack(bytes.data(), codes_count, bits, codes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, codes_count);
}
BENCHMARK(unpack)->DenseRange(2, 7);

}  // namespace
