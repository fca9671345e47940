// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pack.hpp>

#include <bench/support/data.hpp>

namespace {

constexpr std::ptrdiff_t count = 65536;

void pack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const auto codes = bench::integers<std::uint8_t>({count}, 0, 255);
    lowbit::tensor<std::uint8_t> bytes({count});
    for (auto _ : state) {
        lowbit::pack(codes.data(), count, bits, bytes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(pack)->DenseRange(2, 7);

void unpack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const auto bytes = bench::integers<std::uint8_t>({count}, 0, 255);
    lowbit::tensor<std::int8_t> codes({count});
    for (auto _ : state) {
        lowbit::unpack(bytes.data(), count, bits, codes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(unpack)->DenseRange(2, 7);

}  // namespace
