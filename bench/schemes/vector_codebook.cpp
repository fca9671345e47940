// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/vector_codebook.hpp>

#include <bench/support/data.hpp>

static void nearest_vectors(benchmark::State& state) {
    const auto x = bench::gaussian({1 << 12, 4});
    const auto book = lowbit::train_vector_codebook(x, 4, 256, {.iterations = 1});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::nearest_labels(x, book));
    bench::count_items(state, x.size());
}
BENCHMARK(nearest_vectors);
