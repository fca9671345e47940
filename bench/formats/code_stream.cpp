// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/code_stream.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void round_trip(benchmark::State& state) {
    const int bits = static_cast<int>(state.range(0));
    std::vector<std::uint8_t> bytes(8192);
    for (auto _ : state) {
        lowbit::code_writer out(bytes.data(), bits);
        for (std::uint32_t i = 0; i < 4096; ++i) out.put(i);
        out.finish();
        lowbit::code_reader in(bytes.data(), bits);
        std::uint32_t sum = 0;
        for (int i = 0; i < 4096; ++i) sum += in.next();
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, 4096);
}
BENCHMARK(round_trip)->Name("code_stream")->ArgName("bits")->Arg(3)->Arg(4)->Arg(6);

}  // namespace
