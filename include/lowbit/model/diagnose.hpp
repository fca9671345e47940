// SPDX-License-Identifier: Apache-2.0
/// @file
/// Which layer is to blame: where float, fake quantization and the integer result part, the first offender by name.
#pragma once

#include <lowbit/model/report.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// What counts as an offence.
struct diagnosis_limits {
    std::int32_t largest_difference = 1;  ///< codes between the integer result and fake quantization
    double lowest_sqnr_db = 10;           ///< of a layer's output
    double largest_drop_db = 10;          ///< of a layer's output below the worst of its inputs
};

/// One layer that offends, with what is wrong and the likeliest cause, in words.
struct offence {
    std::string layer{};
    std::string what{};
    std::string cause{};
};

namespace detail {

inline std::string likely_cause(const layer_report& row) {
    if (row.largest_difference > 1) return "the integer kernel and its simulation do not agree";
    if (row.weight_sqnr_db < 15)
        return concat("its weights (", row.weights, ") have an SQNR of ", static_cast<int>(row.weight_sqnr_db),
                      " dB: more bits, a scale per channel, or equalization");
    if (row.saturation > 0.01)
        return concat(static_cast<int>(row.saturation * 100), " % of its outputs are beyond the codes: a wider range");
    return concat("its codes (", row.activations, ") are coarse for outputs in [", row.seen.min, ", ", row.seen.max,
                  "]");
}

}  // namespace detail

/// Every layer that breaks a limit, in the order of the network: the first is the first offender. x: a batch of the
/// network's only input.
inline std::vector<offence> diagnose(const integer_network& network, tensor_view<const float> x,
                                     const diagnosis_limits& limits = {}, const executor& pool = {}) {
    const auto rows = report_layers(network, x, pool);
    std::vector<offence> offences;
    std::vector<double> sqnr(network.quantized().edges.size(), std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const integer_step& step = network.steps()[i];
        double before = std::numeric_limits<double>::infinity();
        for (const edge e : step.inputs) before = std::min(before, sqnr[static_cast<std::size_t>(e.node)]);
        const layer_report& row = rows[i];
        sqnr[static_cast<std::size_t>(step.output.node)] = row.output_sqnr_db;
        std::string what;
        if (row.largest_difference > limits.largest_difference) {
            what = detail::concat("integers differ from fake quantization by up to ", row.largest_difference, " codes");
        } else if (before < 60 && before - row.output_sqnr_db > limits.largest_drop_db) {
            what = detail::concat("SQNR falls from ", static_cast<int>(before), " to ",
                                  static_cast<int>(row.output_sqnr_db), " dB");
        } else if (row.output_sqnr_db < limits.lowest_sqnr_db) {
            what = detail::concat("SQNR is ", static_cast<int>(row.output_sqnr_db), " dB");
        }
        if (!what.empty()) offences.push_back({row.name, std::move(what), detail::likely_cause(row)});
    }
    return offences;
}

}  // namespace lowbit
