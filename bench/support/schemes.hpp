// SPDX-License-Identifier: Apache-2.0
/// @file
/// Quantize and dequantize of a scheme, as a user calls them.
#pragma once

#include <lowbit/schemes/quantize.hpp>

#include <bench/support/data.hpp>

namespace bench {

template <class Scheme>
void quantize(benchmark::State& state, const Scheme& scheme) {
    const auto x = gaussian({256, 256});
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::quantize(x, scheme));
    count_items(state, x.size());
}

template <class Scheme>
void dequantize(benchmark::State& state, const Scheme& scheme) {
    auto x = gaussian({256, 256});
    const auto q = lowbit::quantize(x, scheme);
    for (auto _ : state) lowbit::dequantize_into(q, x);
    count_items(state, x.size());
}

/// Registers both under the scheme's string.
template <class Scheme>
bool add_scheme(const Scheme& scheme) {
    const std::string name = to_string(scheme);
    benchmark::RegisterBenchmark(("quantize " + name).c_str(), [=](benchmark::State& s) { quantize(s, scheme); });
    benchmark::RegisterBenchmark(("dequantize " + name).c_str(), [=](benchmark::State& s) { dequantize(s, scheme); });
    return true;
}

}  // namespace bench
