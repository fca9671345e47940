// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/kmeans_exact.hpp>

#include <bench/support/data.hpp>

namespace {

void solve_kmeans(benchmark::State& state) {
    const auto values = bench::gaussian(state.range(0));
    for (auto _ : state) {
        lowbit::detail::kmeans_solver solver(values.span(), {}, {});
        benchmark::DoNotOptimize(solver.solve(state.range(1)));
    }
    bench::count_items(state, values.size());
}
BENCHMARK(solve_kmeans)->ArgsProduct({{128, 4096, 1 << 18}, {16, 256}});

}  // namespace
