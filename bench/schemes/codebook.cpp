// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/codebook.hpp>

#include <bench/support/data.hpp>

#include <vector>

namespace {

void nearest_centroid(benchmark::State& state) {
    const auto values = bench::gaussian(1 << 16);
    std::vector<float> centroids;
    for (std::ptrdiff_t i = 0; i < state.range(0); ++i)
        centroids.push_back(6 * (static_cast<float>(i) / static_cast<float>(state.range(0)) - 0.5f));
    const lowbit::detail::nearest_centroid nearest(centroids, values.size());
    for (auto _ : state) {
        unsigned sum = 0;
        for (const float x : values) sum += nearest(x);
        benchmark::DoNotOptimize(sum);
    }
    bench::count_items(state, values.size());
}
BENCHMARK(nearest_centroid)->Arg(16)->Arg(256);

}  // namespace
