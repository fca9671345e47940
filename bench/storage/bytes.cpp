// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/bytes.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void read_numbers(benchmark::State& state) {
    const std::vector<std::byte> file(1 << 14);
    for (auto _ : state) {
        lowbit::byte_reader reader(file, "bench");
        std::uint32_t sum = 0;
        while (reader.remaining() > 0) sum += reader.number<std::uint32_t>("a number");
        benchmark::DoNotOptimize(sum);
    }
    state.SetBytesProcessed(state.iterations() * std::ptrdiff_t(file.size()));
}
BENCHMARK(read_numbers);

}  // namespace
