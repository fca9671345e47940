// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/recipe.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void copy_recipe(benchmark::State& state) {
    lowbit::recipe r;
    for (int i = 0; i < 50; ++i) r.layers["layer" + std::to_string(i)].weights = lowbit::affine{.bits = 4};
    for (auto _ : state) {
        lowbit::recipe copy = r;
        benchmark::DoNotOptimize(copy);
    }
}
BENCHMARK(copy_recipe);

}  // namespace
