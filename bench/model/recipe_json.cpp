// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/recipe_json.hpp>

#include <bench/support/data.hpp>

namespace {

void recipe_round_trip(benchmark::State& state) {
    lowbit::recipe r;
    for (int i = 0; i < 50; ++i) r.layers["layer" + std::to_string(i)].weights = lowbit::affine{.bits = 4};
    for (auto _ : state)
        benchmark::DoNotOptimize(nlohmann::json::parse(nlohmann::json(r).dump()).get<lowbit::recipe>().layers.size());
}
BENCHMARK(recipe_round_trip);

}  // namespace
