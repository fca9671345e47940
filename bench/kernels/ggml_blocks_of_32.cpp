// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/ggml_blocks_of_32.hpp>

#include <bench/support/data.hpp>

namespace {

void encode_block_of_32(benchmark::State& state) {
    using layout = lowbit::detail::ggml_q4_1;
    const auto x = bench::gaussian(layout::size);
    std::uint8_t block[layout::bytes];
    for (auto _ : state) {
        layout::encode(x.data(), false, nullptr, block);
        benchmark::DoNotOptimize(block);
    }
    bench::count_items(state, layout::size);
}
BENCHMARK(encode_block_of_32)->Name("ggml_q4_1::encode");

}  // namespace
