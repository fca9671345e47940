// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/linear.hpp>

#include <bench/support/integer_layers.hpp>

namespace {

/// One row is a matrix by a vector, bound by memory; 64 rows are bound by the multipliers.
void linear(benchmark::State& state) {
    const std::ptrdiff_t rows = state.range(0);
    const lowbit::linear_shape shape{512, 512};
    const bench::int8_layer source(shape.out, shape.in);
    const auto layer = source.description();
    const auto x = bench::integers<std::int8_t>({rows, shape.in}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({rows, shape.out});
    bench::run_packed<lowbit::packed_linear>(
        state, lowbit::packed_linear_bytes(shape, layer),
        [&](void* memory) { return bool(lowbit::pack_linear(shape, layer, memory)); },
        [&](const auto& packed) { return lowbit::linear_workspace_bytes(packed, rows); },
        [&](const auto& packed, void* workspace) { lowbit::linear(packed, rows, x.data(), y.data(), workspace); });
    bench::count_items(state, rows * shape.in * shape.out);
}
BENCHMARK(linear)->ArgName("rows")->Arg(1)->Arg(64);

void pack_linear(benchmark::State& state) {
    const lowbit::linear_shape shape{512, 512};
    const bench::int8_layer source(shape.out, shape.in);
    const auto layer = source.description();
    lowbit::aligned_vector<std::byte> memory(lowbit::packed_linear_bytes(shape, layer));
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::pack_linear(shape, layer, memory.data()));
    bench::count_items(state, shape.in * shape.out);
}
BENCHMARK(pack_linear);

}  // namespace
