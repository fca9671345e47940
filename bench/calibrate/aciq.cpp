// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/aciq.hpp>

#include <bench/support/data.hpp>

namespace {

void aciq_factor_of_gauss(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::aciq_factor(lowbit::density::gauss, 4, false));
}
BENCHMARK(aciq_factor_of_gauss);

}  // namespace
