// SPDX-License-Identifier: Apache-2.0
/// @file
/// Fine-tuning of a k-means codebook: labels stay, centroids learn.
///
///     sum   ∂L/∂C_k = Σ_{I_j = k} ∂L/∂W_j        a gradient for any optimizer     (Han et al. 2016, section 3.3)
///     mean  C_k = mean of W_j with I_j = k       after the weights took a step of their own
///
/// Pure functions on views; sums are in float64 and in order, so the result is the same everywhere.
#pragma once

#include <lowbit/core/source.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace lowbit {

namespace detail {

/// Σ of the values under each label, and how many there are. Errors: a label outside of [0, k).
template <class Values, class Labels>
auto sums_by_label(const Values& values, const Labels& labels, std::ptrdiff_t k, const char* what) {
    struct sum_and_count {
        double sum = 0;
        std::ptrdiff_t count = 0;
    };
    check(labels.size() == values.size(), what, ": ", labels.size(), " labels for ", values.size(), " values");
    std::vector<sum_and_count> sums(static_cast<std::size_t>(k));
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
        const auto label = static_cast<std::ptrdiff_t>(labels[i]);
        check(label >= 0 && label < k, what, ": label ", label, " at index ", i, " is outside of [0, ", k, ")");
        sums[static_cast<std::size_t>(label)].sum += double{values[i]};
        ++sums[static_cast<std::size_t>(label)].count;
    }
    return sums;
}

}  // namespace detail

/// dL/dC of k centroids from dL/dW: the sum over the weights of each label. A label without weights has gradient 0.
/// Complexity O(n + k). Errors: as many labels as gradients are needed, each in [0, k).
template <class Gradients, class Labels>
tensor<float> centroid_gradients(const Gradients& weight_gradients, const Labels& labels, std::ptrdiff_t k) {
    const auto sums = detail::sums_by_label(read_float(weight_gradients), read(labels), k, "centroid_gradients");
    tensor<float> gradients({k});
    for (std::ptrdiff_t c = 0; c < k; ++c) gradients[c] = static_cast<float>(sums[static_cast<std::size_t>(c)].sum);
    return gradients;
}

/// The mean of the updated weights of each label, written over the centroids; a label without weights keeps its
/// centroid. Complexity O(n + k). Errors: as many labels as weights are needed, each in [0, centroids).
template <class Weights, class Labels>
void update_centroids(const Weights& weights, const Labels& labels, std::span<float> centroids) {
    const auto sums = detail::sums_by_label(read_float(weights), read(labels),
                                            static_cast<std::ptrdiff_t>(centroids.size()), "update_centroids");
    for (std::size_t c = 0; c < centroids.size(); ++c) {
        if (sums[c].count > 0) centroids[c] = static_cast<float>(sums[c].sum / static_cast<double>(sums[c].count));
    }
}

}  // namespace lowbit
