// SPDX-License-Identifier: Apache-2.0
/// @file
/// Tensors of normal samples, the same for a seed.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <random>

/// x[i] = normal + memory·x[i − 1].
inline lowbit::tensor<float> gaussian(const lowbit::tensor_shape& shape, unsigned seed = 1, float memory = 0) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    lowbit::tensor<float> values(shape);
    float previous = 0;
    for (float& x : values) x = previous = normal(random) + memory * previous;
    return values;
}
