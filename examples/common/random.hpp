// SPDX-License-Identifier: Apache-2.0
/// @file
/// Random numbers that are the same with every standard library (the distributions of <random> are not).
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

namespace examples {

class random_source {
public:
    explicit random_source(std::uint32_t seed) : engine_(seed) {}

    /// Uniform in [0, 1).
    double uniform() { return static_cast<double>(engine_()) / 4294967296.0; }
    /// Uniform in 0 … n−1.
    std::ptrdiff_t below(std::ptrdiff_t n) {
        return static_cast<std::ptrdiff_t>((static_cast<std::uint64_t>(engine_()) * static_cast<std::uint64_t>(n)) >>
                                           32);
    }
    /// Gaussian with mean 0 and deviation 1 (Box and Muller 1958).
    double normal() {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }
    /// 0 … n−1 in random order (Fisher and Yates).
    std::vector<std::ptrdiff_t> permutation(std::ptrdiff_t n) {
        std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < order.size(); ++i) {
            order[i] = static_cast<std::ptrdiff_t>(i);
            std::swap(order[i], order[static_cast<std::size_t>(below(static_cast<std::ptrdiff_t>(i) + 1))]);
        }
        return order;
    }

private:
    std::mt19937 engine_;
};

}  // namespace examples
