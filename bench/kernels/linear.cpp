// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/linear.hpp>

#include <bench/support/data.hpp>

namespace {

/// Multiplications, of rows x 512 by 512 x 512 codes, on one instruction set.
void linear_512(benchmark::State& state, lowbit::isa set) {
    if (!lowbit::set_isa(set)) return state.SkipWithError("this machine has no such instructions");
    const auto rows = static_cast<std::ptrdiff_t>(state.range(0));
    const auto x = bench::integers<std::int8_t>({rows, 512}, -128, 127),
               w = bench::integers<std::int8_t>({512, 512}, -127, 127);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.0005);
    const lowbit::integer_layer layer{
        .weights = w.data(), .input_zero_point = 3, .output = {.multipliers = {&factor, 1}}};
    lowbit::aligned_vector<std::byte> memory(lowbit::packed_linear_bytes({512, 512}, layer));
    (void)lowbit::pack_linear({512, 512}, layer, memory.data());
    const lowbit::packed_linear packed(memory.data());
    lowbit::aligned_vector<std::byte> workspace(lowbit::linear_workspace_bytes(packed, rows));
    lowbit::tensor<std::int8_t> y({rows, 512});
    for (auto _ : state) {
        lowbit::linear(packed, rows, x.data(), y.data(), workspace.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, rows * 512 * 512);
    lowbit::reset_isa();
}
BENCHMARK_CAPTURE(linear_512, scalar, lowbit::isa::scalar)->Arg(8);
BENCHMARK_CAPTURE(linear_512, avx2, lowbit::isa::avx2)->Arg(1)->Arg(512);
BENCHMARK_CAPTURE(linear_512, avx_vnni, lowbit::isa::avx_vnni)->Arg(1)->Arg(512);
BENCHMARK_CAPTURE(linear_512, avx512, lowbit::isa::avx512)->Arg(1)->Arg(512);
BENCHMARK_CAPTURE(linear_512, avx512_vnni, lowbit::isa::avx512_vnni)->Arg(1)->Arg(512);

}  // namespace
