// SPDX-License-Identifier: Apache-2.0
/// @file
/// GPTQ for formats whose elements are a level times a scale of their block: OCP MX, NVFP4, fixed codebooks (NF4 …).
///
/// Scales are those that `quantize` gives the exact weights, and stay; so every weight has a fixed grid, any order of
/// columns is allowed, and the result is a quantized tensor of the scheme like any other. The levels are read off the
/// format's own decoder.
#pragma once

#include <lowbit/refine/gptq.hpp>
#include <lowbit/schemes/fixed_codebook.hpp>
#include <lowbit/schemes/nvfp4.hpp>
#include <lowbit/schemes/ocp_mx.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

/// A format's levels as shares of the largest in magnitude, whatever the sign of that, ascending, and their codes.
struct block_levels {
    std::vector<float> shares;
    std::vector<std::int32_t> codes;
    std::int32_t largest = 0;  ///< the code of the level with the largest magnitude
};

/// The tensor's scales with other codes.
template <class Q>
Q with_codes(const Q& q, const std::vector<std::int32_t>& codes) {
    packed_codes packed(q.shape().size(), q.packed().bits(), q.packed().is_signed());
    packed.pack(0, packed.size(), codes.data());
    return {q.scheme(), q.shape(), std::move(packed), q.scales()};
}

/// What each code decodes to in the block of element `at`, whose scale is not 0.
template <class Q>
block_levels read_levels(const Q& q, std::ptrdiff_t at, const executor& exec) {
    // Two's complement has one level more below, which MX does not use.
    const bool is_signed = q.packed().is_signed();
    const int count = 1 << q.packed().bits(), lowest = is_signed ? 1 - count / 2 : 0;
    std::vector<std::int32_t> codes(static_cast<std::size_t>(q.shape().size()));
    std::vector<std::pair<float, std::int32_t>> levels;
    float largest = 0;
    block_levels found;
    for (std::int32_t code = lowest; code < (is_signed ? count / 2 : count); ++code) {
        codes[static_cast<std::size_t>(at)] = code;
        const float value = dequantize(with_codes(q, codes), exec)[at];
        if (!is_finite(value)) continue;
        levels.emplace_back(value, code);
        if (std::abs(value) > std::abs(largest)) largest = value, found.largest = code;
    }
    for (auto& [value, code] : levels) value /= largest;
    std::stable_sort(levels.begin(), levels.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [share, code] : levels) {
        if (!found.shares.empty() && found.shares.back() == share) continue;  // floats have two zeros
        found.shares.push_back(share);
        found.codes.push_back(code);
    }
    return found;
}

/// Rounds to the nearest level of each weight's block, and notes its code.
class level_rounding {
public:
    level_rounding(const block_levels& levels, const tensor<float>& largest, std::vector<std::int32_t>& codes)
        : levels_(&levels),
          nearest_(levels.shares, 1 << 20),
          largest_(&largest),
          codes_(&codes),
          columns_(largest.size() / largest.shape()[0]) {}

    void operator()(std::ptrdiff_t column, std::ptrdiff_t first_row, std::span<const double> values,
                    std::span<double> rounded) const {
        for (std::size_t r = 0; r < values.size(); ++r) {
            const std::ptrdiff_t at = (first_row + static_cast<std::ptrdiff_t>(r)) * columns_ + column;
            const double largest = double{(*largest_)[at]};
            const double share = largest != 0 ? std::clamp(values[r] / largest, -1.0, 1.0) : 0;
            const std::size_t level = nearest_(static_cast<float>(share));
            rounded[r] = largest * double{levels_->shares[level]};
            (*codes_)[static_cast<std::size_t>(at)] = levels_->codes[level];
        }
    }

private:
    const block_levels* levels_;
    nearest_centroid nearest_;
    const tensor<float>* largest_;
    std::vector<std::int32_t>* codes_;  // every run of rows writes its own
    std::ptrdiff_t columns_;
};

template <class S>
auto gptq_blocks(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const S& scheme,
                 const gptq_options& options, const executor& exec) {
    check(is_last_axis(weights.shape(), block_axis(scheme)), "gptq: blocks must run along the last axis");
    for (std::ptrdiff_t i = 0; i < weights.size(); ++i) {
        check(is_finite(weights[i]), "gptq: the weight at index ", i, " is not finite");
    }
    auto nearest = quantize(weights, scheme, exec);
    const auto larger = [](float a, float b) { return std::abs(a) < std::abs(b); };
    const std::ptrdiff_t at = std::max_element(weights.begin(), weights.end(), larger) - weights.begin();
    if (weights.empty() || weights[at] == 0) return nearest;
    const block_levels levels = read_levels(nearest, at, exec);
    std::vector<std::int32_t> codes(static_cast<std::size_t>(weights.size()), levels.largest);
    const tensor<float> largest = dequantize(with_codes(nearest, codes), exec);
    gptq(weights, gram, level_rounding(levels, largest, codes), options, exec);
    return with_codes(nearest, codes);
}

}  // namespace detail

/// GPTQ to MX blocks along the last axis. gram: E[x·xᵀ] of the inputs. Errors: as `gptq`; a weight that is not finite.
inline mx_tensor gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const ocp_mx& scheme,
                      const gptq_options& options = {}, const executor& exec = {}) {
    return detail::gptq_blocks(weights, gram, scheme, options, exec);
}

/// GPTQ to NVFP4.
inline nvfp4_tensor gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const nvfp4& scheme,
                         const gptq_options& options = {}, const executor& exec = {}) {
    return detail::gptq_blocks(weights, gram, scheme, options, exec);
}

/// GPTQ to a fixed codebook (NF4, FP4, IQ4_NL).
inline fixed_codebook_tensor gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram,
                                  const fixed_codebook& scheme, const gptq_options& options = {},
                                  const executor& exec = {}) {
    return detail::gptq_blocks(weights, gram, scheme, options, exec);
}

}  // namespace lowbit
