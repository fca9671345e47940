// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/radix_sort.hpp>

#include <bench/support/data.hpp>

#include <algorithm>
#include <vector>

namespace {

void sort_gaussian(benchmark::State& state) {
    const auto values = bench::gaussian(state.range(0));
    std::vector<float> sorted(values.begin(), values.end()), workspace(sorted.size());
    for (auto _ : state) {
        std::copy(values.begin(), values.end(), sorted.begin());
        lowbit::radix_sort(sorted.data(), std::ssize(sorted), workspace.data());
        benchmark::DoNotOptimize(sorted.data());
    }
    bench::count_items(state, values.size());
}
BENCHMARK(sort_gaussian)->Arg(128)->Arg(1 << 14)->Arg(1000000);

}  // namespace
