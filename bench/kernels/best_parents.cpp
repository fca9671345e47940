// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/best_parents.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

/// A block of rows for as many parents, as of even values.
void best_parents(benchmark::State& state) {
    const auto parents = static_cast<std::size_t>(state.range(0)), nodes = 2 * parents;
    std::vector<double> weight(nodes + 9), moment(nodes + 9), start(nodes + 9), value(nodes + 9);
    std::vector<std::int32_t> parent(nodes + 9);
    for (std::size_t i = 0; i < nodes; ++i) {
        const double x = double(i) / double(parents);
        weight[i + 1] = weight[i] + 1;
        moment[i + 1] = moment[i] + x;
        start[i + 1] = 0.3 * double(parents) * x * x * x;
    }
    const lowbit::parent_rows rows{weight.data(), moment.data(), start.data(), value.data(), parent.data()};
    for (auto _ : state) {
        lowbit::best_parents(rows, state.range(0), 2 * state.range(0), 0, state.range(0) - 1);
        benchmark::ClobberMemory();
    }
    bench::count_items(state, state.range(0));
}
BENCHMARK(best_parents)->Arg(64)->Arg(1024);

}  // namespace
