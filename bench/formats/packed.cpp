// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

constexpr std::ptrdiff_t count = 1 << 16;

void pack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const auto codes = bench::integers<std::int8_t>({count}, -128, 127);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(lowbit::packed_bytes(count, bits)));
    for (auto _ : state) {
        lowbit::pack_codes(codes.data(), count, bits, bytes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(pack)->DenseRange(1, 8)->Arg(16);

void unpack(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(lowbit::packed_bytes(count, bits)), 0x5a);
    lowbit::tensor<std::int8_t> codes({count});
    for (auto _ : state) {
        lowbit::unpack_codes(bytes.data(), count, bits, codes.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, count);
}
BENCHMARK(unpack)->DenseRange(1, 8)->Arg(16);

}  // namespace
