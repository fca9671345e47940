// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/sensitivity.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void analyze_sensitivity(benchmark::State& state) {
    const auto net = networks::lenet();
    const std::vector<lowbit::tensor<float>> batches{networks::random({16, 12, 12, 1}, 0, 1, 5)};
    const std::vector<lowbit::any_scheme> schemes{lowbit::affine{.bits = 3}, lowbit::affine{.bits = 4}};
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::analyze_sensitivity(net, batches, schemes).data());
}
BENCHMARK(analyze_sensitivity);

}  // namespace
