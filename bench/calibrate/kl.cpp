// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/kl.hpp>

#include <bench/support/data.hpp>

#include <cstdint>
#include <vector>

namespace {

/// 2048 bins to 128 levels.
void divergence_of_all_clips(benchmark::State& state) {
    std::vector<std::uint64_t> counts(2048);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = 1 + 1000000 / (1 + i * i / 64);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::kl_bins(counts, 128));
}
BENCHMARK(divergence_of_all_clips);

}  // namespace
