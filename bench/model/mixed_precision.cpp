// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/mixed_precision.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

/// Layers with seven widths each, at an average of four bits.
void solve_knapsack(benchmark::State& state) {
    std::vector<lowbit::layer_sensitivity> layers(static_cast<std::size_t>(state.range(0)));
    double budget = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const auto size = static_cast<double>(1000 + 977 * l % 5000);
        budget += size / 2;
        for (int bits = 2; bits <= 8; ++bits) {
            auto& option = layers[l].options.emplace_back();
            option.bytes = static_cast<std::ptrdiff_t>(size * bits / 8);
            option.loss = static_cast<double>(1 + l * 7 % 13) * std::pow(4.0, -bits);
        }
    }
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::solve_knapsack(layers, budget).loss);
    bench::count_items(state, state.range(0));
}
BENCHMARK(solve_knapsack)->ArgName("layers")->Arg(10)->Arg(50);

}  // namespace
