// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/least_cost_path.hpp>

#include <bench/support/data.hpp>

#include <algorithm>

namespace {

/// One price: about 16 and 256 clusters of 65,536 points.
void solve_path(benchmark::State& state) {
    auto values = bench::gaussian(1 << 16);
    std::sort(values.begin(), values.end());
    lowbit::detail::sorted_points points;
    for (const float x : values) points.push_back(1.0, double(x));
    for (auto _ : state) {
        benchmark::DoNotOptimize(lowbit::detail::least_cost_nodes(points, {}, state.range(0) == 16 ? 72.0 : 0.019, {}));
    }
    bench::count_items(state, points.size());
}
BENCHMARK(solve_path)->Arg(16)->Arg(256);

}  // namespace
