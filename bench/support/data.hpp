// SPDX-License-Identifier: Apache-2.0
/// @file
/// What every benchmark needs: repeatable numbers, and a rate beside the time.
#pragma once

#include <benchmark/benchmark.h>
#include <lowbit/core/tensor.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bench {

/// Uniform in (0, 1): splitmix64 as a counter, the same on every machine.
inline double uniform(std::uint64_t seed, std::uint64_t i) {
    std::uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/// N(0, 1) by Box-Muller.
inline lowbit::tensor<float> gaussian(const lowbit::tensor_shape& shape, std::uint64_t seed = 1) {
    lowbit::tensor<float> values(shape);
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
        const auto draw = static_cast<std::uint64_t>(2 * i);
        const double radius = std::sqrt(-2 * std::log(uniform(seed, draw)));
        values[i] = static_cast<float>(radius * std::cos(6.283185307179586 * uniform(seed, draw + 1)));
    }
    return values;
}

inline lowbit::tensor<float> gaussian(std::ptrdiff_t n) { return gaussian(lowbit::tensor_shape{n}); }

/// Whole numbers in [lowest, highest], evenly.
template <class T>
lowbit::tensor<T> integers(const lowbit::tensor_shape& shape, int lowest, int highest, std::uint64_t seed = 1) {
    lowbit::tensor<T> values(shape);
    const double span = highest - lowest + 1.0;
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<T>(lowest + static_cast<int>(span * uniform(seed, static_cast<std::uint64_t>(i))));
    }
    return values;
}

/// Shown as items per second: elements, multiply-accumulates, whatever one iteration does `count` of.
inline void count_items(benchmark::State& state, std::ptrdiff_t count) {
    state.SetItemsProcessed(state.iterations() * count);
}

}  // namespace bench
