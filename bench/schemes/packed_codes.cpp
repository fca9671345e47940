// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/packed_codes.hpp>

#include <bench/support/data.hpp>

namespace {

void unpack_all(benchmark::State& state) {
    const lowbit::packed_codes packed(1 << 16, static_cast<int>(state.range(0)), true);
    for (auto _ : state) benchmark::DoNotOptimize(packed.unpack(lowbit::tensor_shape{1 << 16}));
    bench::count_items(state, 1 << 16);
}
BENCHMARK(unpack_all)->Arg(3)->Arg(4)->Arg(8);

}  // namespace
