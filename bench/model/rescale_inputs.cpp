// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/fold.hpp>
#include <lowbit/model/rescale_inputs.hpp>
#include <lowbit/schemes/any.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

const std::vector<lowbit::tensor<float>> batches{networks::random({40, 12, 12, 3}, -1, 1, 1)};

void smooth_activations(benchmark::State& state) {
    const auto net = lowbit::fold_batch_norms(networks::mobile());
    for (auto _ : state) {
        auto copy = net;
        benchmark::DoNotOptimize(lowbit::smooth_activations(copy, batches));
    }
}
BENCHMARK(smooth_activations)->Unit(benchmark::kMillisecond);

void activation_aware_scales(benchmark::State& state) {
    const auto net = lowbit::fold_batch_norms(networks::mobile());
    const lowbit::any_scheme scheme = lowbit::affine{.bits = 4, .granularity = lowbit::per_channel(0)};
    for (auto _ : state) {
        auto copy = net;
        benchmark::DoNotOptimize(lowbit::activation_aware_scales(copy, batches, [&](lowbit::edge) { return scheme; }));
    }
}
BENCHMARK(activation_aware_scales)->Unit(benchmark::kMillisecond);

}  // namespace
