// SPDX-License-Identifier: Apache-2.0
/// @file
/// Values to cluster, of every kind that k-means meets, and what clusters of them cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

/// How values are spread.
enum class data_kind {
    gaussian,
    cauchy,
    laplace,
    student,
    far_from_zero,
    three_clusters,
    integers,
    pruned,
    uniform,
    lognormal,
    tiny_with_outlier,  ///< one at a million sigma
};

constexpr data_kind data_kinds[] = {data_kind::gaussian,  data_kind::cauchy,           data_kind::laplace,
                                    data_kind::student,   data_kind::far_from_zero,    data_kind::three_clusters,
                                    data_kind::integers,  data_kind::pruned,           data_kind::uniform,
                                    data_kind::lognormal, data_kind::tiny_with_outlier};

inline std::vector<float> draw(std::mt19937& random, data_kind kind, std::size_t n) {
    const auto normal = [&] { return std::normal_distribution<float>()(random); };
    const auto one = [&]() -> float {
        switch (kind) {
            case data_kind::gaussian:
                return normal();
            case data_kind::cauchy:
                return std::cauchy_distribution<float>()(random);
            case data_kind::laplace:
                return std::exponential_distribution<float>()(random) * (random() % 2 ? 1.0f : -1.0f);
            case data_kind::student:
                return std::student_t_distribution<float>(3)(random);
            case data_kind::far_from_zero:
                return 1000 + normal();
            case data_kind::three_clusters:
                return static_cast<float>(static_cast<int>(random() % 3) - 1) * 10 + 1e-3f * normal();
            case data_kind::integers:
                return std::round(40 * normal());
            case data_kind::pruned:
                return random() % 10 ? 0 : normal();
            case data_kind::uniform:
                return std::uniform_real_distribution<float>(-1, 1)(random);
            case data_kind::lognormal:
                return std::exp(6 * normal());
            default:
                return 1e-30f * normal();
        }
    };
    std::vector<float> values(n);
    for (float& x : values) x = one();
    if (kind == data_kind::tiny_with_outlier) values[n / 2] = 1e-24f;
    return values;
}

/// Importances, one per value.
inline std::vector<float> draw_weights(std::mt19937& random, std::size_t n) {
    std::vector<float> weights(n);
    for (float& w : weights) w = std::exponential_distribution<float>()(random);
    return weights;
}

/// Σ w·(x − nearest mean)², plainly; the means ascend, and no weights weigh all values alike.
inline double squared_error_to(const std::vector<float>& values, const std::vector<float>& weights,
                               const std::vector<double>& means) {
    double total = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto above = std::lower_bound(means.begin(), means.end(), double(values[i]));
        double best = 1e300;
        if (above != means.end()) best = *above - double(values[i]);
        if (above != means.begin()) best = std::min(best, double(values[i]) - *(above - 1));
        total += (weights.empty() ? 1.0 : double(weights[i])) * best * best;
    }
    return total;
}
