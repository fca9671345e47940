// SPDX-License-Identifier: Apache-2.0
/// @file
/// How much each layer minds few bits: one layer at a time is stored in each candidate scheme, all else stays float.
#pragma once

#include <lowbit/core/metrics.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// One layer in one scheme.
struct sensitivity {
    any_scheme scheme{};
    double loss = 0;            ///< mean over the samples of Σ (output − float output)²
    double sqnr_db = 0;         ///< of the outputs against float
    double cross_entropy = 0;   ///< with labels: mean of −log softmax(output)[label]
    double accuracy = 0;        ///< with labels: share of the samples whose largest output is the label's
    std::ptrdiff_t bytes = 0;   ///< of the weights as stored
    double bit_operations = 0;  ///< multiply-accumulates of a sample, times bits of weights, times bits of activations
    quantized_layer layer{};
};

/// A layer in every candidate scheme, in their order.
struct layer_sensitivity {
    std::string name{};
    std::vector<sensitivity> options{};
};

/// How outputs compare with those of the float network, and with labels where there are some.
struct output_quality {
    double loss = 0, sqnr_db = 0, cross_entropy = 0, accuracy = 0;
};

namespace detail {

/// Adds up over batches.
class quality_meter {
public:
    explicit quality_meter(std::span<const int> labels) : labels_(labels) {}

    void add(const tensor<float>& truth, const tensor<float>& outputs) {
        accumulate(sums_, compare(truth, outputs));
        const std::ptrdiff_t samples = outputs.shape()[0],
                             classes = outputs.size() / std::max<std::ptrdiff_t>(samples, 1);
        for (std::ptrdiff_t i = 0; i < samples; ++i, ++samples_) {
            if (labels_.empty()) continue;
            check(samples_ < std::ssize(labels_), "sensitivity: ", labels_.size(), " labels for more samples");
            const float* row = outputs.data() + i * classes;
            const float largest = *std::max_element(row, row + classes);
            const int label = labels_[static_cast<std::size_t>(samples_)];
            check(label >= 0 && label < classes, "sensitivity: label ", label, " of ", classes, " classes");
            double sum = 0;
            for (std::ptrdiff_t c = 0; c < classes; ++c) sum += std::exp(double{row[c]} - double{largest});
            entropy_ += std::log(sum) - (double{row[label]} - double{largest});
            right_ += std::max_element(row, row + classes) - row == label;
        }
    }

    output_quality quality() const {
        const auto count = static_cast<double>(std::max<std::ptrdiff_t>(samples_, 1));
        return {sums_.noise / count, sums_.sqnr_db(), entropy_ / count, static_cast<double>(right_) / count};
    }

private:
    std::span<const int> labels_;
    error_sums sums_{};
    double entropy_ = 0;
    std::ptrdiff_t samples_ = 0, right_ = 0;
};

/// Multiply-accumulates of one sample.
inline double multiplications(const node& n) {
    return static_cast<double>(sample_size(n)) * static_cast<double>(n.weights.size() / n.weights.shape()[0]);
}

inline void replace_weights(node& n, const quantized_layer& layer) {
    n.weights = dequantize(layer.weights);
    n.bias = layer.bias;
}

}  // namespace detail

/// Outputs of a changed network against those of the float one. labels: of all samples in order, or none.
inline output_quality measure_quality(std::span<const tensor<float>> truth, const graph& changed,
                                      std::span<const tensor<float>> batches, std::span<const int> labels = {},
                                      const executor& pool = {}) {
    check(truth.size() == batches.size(), "measure_quality: ", truth.size(), " outputs for ", batches.size(),
          " batches");
    detail::quality_meter meter(labels);
    for (std::size_t i = 0; i < batches.size(); ++i) meter.add(truth[i], float_run(changed, batches[i], {}, pool));
    return meter.quality();
}

/// What one layer at a time loses in each candidate scheme; weights only. `base` says what else is done: equalization,
/// rounding, bias correction. labels: of all samples in order, or none. Takes layers·schemes runs over the batches.
/// Errors: as `quantize_model`.
inline std::vector<layer_sensitivity> analyze_sensitivity(const graph& g, std::span<const tensor<float>> batches,
                                                          std::span<const any_scheme> schemes, const recipe& base = {},
                                                          std::span<const int> labels = {},
                                                          const progress_callback& progress = {},
                                                          const executor& pool = {}) {
    check(!batches.empty() && !schemes.empty(), "analyze_sensitivity: needs batches and schemes");
    graph changed = prepare_graph(g, batches, base, pool);
    const auto layers = changed.weighted();
    std::vector<group_moments> moments(changed.nodes().size());
    if (base.bias_correction || base.weight_rounding != weight_rounding::nearest || base.weight_fit == weight_fit::awq)
        moments = layer_moments(changed, batches, pool);
    std::vector<tensor<float>> truth;
    for (const tensor<float>& batch : batches) truth.push_back(float_run(changed, batch, {}, pool));

    std::vector<layer_sensitivity> result;
    for (const edge e : layers) {
        if (progress)
            progress(static_cast<double>(result.size()) / static_cast<double>(layers.size()), changed[e].name);
        const node exact = changed[e];
        layer_sensitivity& row = result.emplace_back();
        row.name = exact.name;
        const group_moments& seen = moments[static_cast<std::size_t>(e.node)];
        for (const any_scheme& scheme : schemes) {
            sensitivity& option = row.options.emplace_back();
            option.scheme = scheme;
            const auto params = fit_params(exact, scheme, base.weight_fit, seen, pool);
            option.layer = {round_weights(exact, scheme, params, base.weight_rounding, seen, pool), exact.bias};
            if (base.bias_correction) option.layer.bias = corrected_bias(exact, option.layer.weights, seen);
            detail::replace_weights(changed[e], option.layer);
            const output_quality quality = measure_quality(truth, changed, batches, labels, pool);
            option.loss = quality.loss;
            option.sqnr_db = quality.sqnr_db;
            option.cross_entropy = quality.cross_entropy;
            option.accuracy = quality.accuracy;
            option.bytes = option.layer.weights.bytes();
            option.bit_operations =
                detail::multiplications(exact) * option.layer.weights.bits_per_element() * base.activations.bits;
        }
        changed[e] = exact;
    }
    return result;
}

}  // namespace lowbit
