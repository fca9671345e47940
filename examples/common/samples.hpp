// SPDX-License-Identifier: Apache-2.0
/// @file
/// Two distributions to compare number formats on, the same numbers everywhere: N(0, 1), and Student's t with four
/// degrees of freedom, whose heavy tails are like those of weights and activations with outliers.
///
/// Draw i of a stream is the splitmix64 of its counter, u_i in (0, 1). Box-Muller: z = √(−2 ln u1)·cos(2π u2);
/// t4 = z·√(4 / (−2 ln(u3 u4))).
#pragma once

#include <lowbit/core/tensor.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace examples {

/// Number i of the stream with this seed, uniform in (0, 1).
inline double uniform_draw(std::uint64_t seed, std::uint64_t i) {
    std::uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/// N(0, 1) from the draws at and at + 1.
inline double normal_draw(std::uint64_t seed, std::uint64_t at) {
    return std::sqrt(-2 * std::log(uniform_draw(seed, at))) *
           std::cos(2 * std::numbers::pi * uniform_draw(seed, at + 1));
}

/// Value i from draws 2i and 2i + 1 of stream 1.
inline lowbit::tensor<float> gaussian_samples(const lowbit::tensor_shape& shape) {
    lowbit::tensor<float> x(shape);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>(normal_draw(1, 2 * static_cast<std::uint64_t>(i)));
    }
    return x;
}

/// Value i from draws 4i … 4i + 3 of stream 2.
inline lowbit::tensor<float> student_samples(const lowbit::tensor_shape& shape) {
    lowbit::tensor<float> x(shape);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        const auto at = 4 * static_cast<std::uint64_t>(i);
        const double chi = -2 * std::log(uniform_draw(2, at + 2) * uniform_draw(2, at + 3));
        x[i] = static_cast<float>(normal_draw(2, at) * std::sqrt(4 / chi));
    }
    return x;
}

}  // namespace examples
