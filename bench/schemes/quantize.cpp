// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/quantize.hpp>

#include <bench/support/data.hpp>

namespace {

/// What the entry itself costs: a tensor so small that encoding it is nearly free.
void quantize_eight_values(benchmark::State& state) {
    const auto values = bench::gaussian(8);
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(values, lowbit::affine{}));
}
BENCHMARK(quantize_eight_values);

}  // namespace
