// SPDX-License-Identifier: Apache-2.0
/// @file
/// A layer's weights to codes: scales as the scheme, AWQ or HQQ finds them; to the nearest, or so that the layer's
/// output changes least (GPTQ, AdaRound), group by group; and the bias that makes up for the mean of what is left.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/model/layer_moments.hpp>
#include <lowbit/model/recipe.hpp>
#include <lowbit/refine/adaround.hpp>
#include <lowbit/refine/awq.hpp>
#include <lowbit/refine/bias_correction.hpp>
#include <lowbit/refine/gptq.hpp>
#include <lowbit/refine/gptq_blocks.hpp>
#include <lowbit/refine/hqq.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

/// The rows of one of a layer's groups.
inline tensor_view<const float> group_rows(const node& n, std::ptrdiff_t group, std::ptrdiff_t groups) {
    const std::ptrdiff_t rows = n.weights.shape()[0] / groups, size = n.weights.size() / groups;
    return {n.weights.data() + group * size, with_batch(n.weights.shape(), rows)};
}

/// Calls round(rows of a group, its gram matrix, their parameters) and puts the groups' codes together.
template <class Round>
affine_tensor round_groups(const node& n, const affine& scheme, const std::vector<affine_params>& params,
                           const group_moments& moments, Round&& round) {
    const auto groups = std::ssize(moments);
    const bool contiguous =
        params.size() == 1 || scheme.granularity.axis != 0 || scheme.granularity.kind == sharing::channel;
    check(contiguous && std::ssize(params) % (params.size() == 1 ? 1 : groups) == 0, describe(n),
          ": GPTQ and AdaRound take parameters per tensor, per output channel, or per group within an output channel");
    packed_codes codes(n.weights.size(), scheme.bits, scheme.is_signed);
    std::vector<std::int32_t> all;
    for (std::ptrdiff_t group = 0; group < groups; ++group) {
        const std::size_t per_group = params.size() == 1 ? 1 : params.size() / static_cast<std::size_t>(groups);
        const std::size_t first = params.size() == 1 ? 0 : per_group * static_cast<std::size_t>(group);
        const affine_tensor part = round(group_rows(n, group, groups), moments[static_cast<std::size_t>(group)].gram(),
                                         std::span(params).subspan(first, per_group));
        const auto part_codes = part.codes();
        all.insert(all.end(), part_codes.begin(), part_codes.end());
    }
    codes.pack(0, n.weights.size(), all.data());
    return {scheme, n.weights.shape(), std::move(codes), params};
}

inline any_quantized round_affine(const node& n, const affine& scheme, const std::vector<affine_params>& params,
                                  weight_rounding how, const group_moments& moments, const executor& pool) {
    if (how == weight_rounding::nearest) return quantize(n.weights, scheme, params, pool);
    return round_groups(n, scheme, params, moments, [&](auto rows, const auto& gram, auto own) {
        return how == weight_rounding::gptq ? gptq(rows, gram, scheme, own, {.activation_order = true}, pool)
                                            : adaround(rows, gram, scheme, own, {}, pool);
    });
}

/// GPTQ to the centroids of one codebook for the layer.
inline any_quantized round_to_codebook(const node& n, const kmeans& scheme, const group_moments& moments,
                                       const executor& pool) {
    const codebook book = kmeans_codebook(n.weights, std::ptrdiff_t{1} << scheme.bits, {}, scheme.fast, pool);
    tensor<float> rounded;
    std::vector<float> all;
    for (std::ptrdiff_t group = 0; group < std::ssize(moments); ++group) {
        const auto part =
            gptq(group_rows(n, group, std::ssize(moments)), moments[static_cast<std::size_t>(group)].gram(),
                 codebook_rounding(book.centroids), {.activation_order = true}, pool);
        all.insert(all.end(), part.weights.begin(), part.weights.end());
    }
    return quantize(tensor<float>(n.weights.shape(), std::span<const float>(all)), book, pool);
}

}  // namespace detail

/// S and Z of a layer's weights as `fit` finds them; none where the scheme does. AWQ needs the layer's moments.
/// Errors: a scheme that is not affine; what awq_clip and hqq_params refuse.
inline std::vector<affine_params> fit_params(const node& n, const any_scheme& scheme, weight_fit fit,
                                             const group_moments& moments, const executor& pool = {}) {
    if (fit == weight_fit::scheme) return {};
    const affine* chosen = std::get_if<affine>(&scheme.value());
    check(chosen != nullptr, describe(n), ": ", to_string(scheme), " has no scales for AWQ and HQQ to fit");
    if (fit == weight_fit::hqq) return hqq_params(n.weights.view(), *chosen, {}, pool);
    std::vector<affine_params> params;
    for (std::ptrdiff_t group = 0; group < std::ssize(moments); ++group) {
        const auto part = awq_clip(detail::group_rows(n, group, std::ssize(moments)),
                                   moments[static_cast<std::size_t>(group)].gram(), *chosen, pool);
        params.insert(params.end(), part.begin(), part.end());
    }
    return params;
}

/// The layer's weights in the scheme. `params`: given ones of an affine scheme, or none. `how` other than nearest
/// needs the layer's moments and an affine scheme (GPTQ: or k-means with one codebook; or OCP MX, NVFP4 or a fixed
/// codebook where the layer has one group). Errors: schemes that it cannot round so; what the scheme refuses.
inline any_quantized round_weights(const node& n, const any_scheme& scheme, const std::vector<affine_params>& params,
                                   weight_rounding how, const group_moments& moments, const executor& pool = {}) {
    return scheme.visit([&](const auto& chosen) -> any_quantized {
        using S = std::remove_cvref_t<decltype(chosen)>;
        if constexpr (std::is_same_v<S, affine>) {
            const auto own = params.empty() ? choose_params(n.weights.view(), chosen, pool) : params;
            return detail::round_affine(n, chosen, own, how, moments, pool);
        } else {
            check(params.empty(), describe(n), ": weight parameters are given for a scheme that is not affine");
            if constexpr (std::is_same_v<S, kmeans>) {
                if (how == weight_rounding::gptq && chosen.granularity.kind == sharing::tensor)
                    return detail::round_to_codebook(n, chosen, moments, pool);
            }
            if constexpr (requires { gptq(n.weights.view(), moments[0].gram(), chosen, gptq_options{}, pool); }) {
                if (how == weight_rounding::gptq && moments.size() == 1)
                    return gptq(n.weights.view(), moments[0].gram(), chosen, {.activation_order = true}, pool);
            }
            check(how == weight_rounding::nearest, describe(n), ": ", to_string(chosen),
                  " can only be rounded to the nearest");
            return quantize(n.weights, chosen, pool);
        }
    });
}

/// b − (W̃ − W)·E[x]: the bias with which the layer's mean output is what it was, padding included.
inline tensor<float> corrected_bias(const node& n, const any_quantized& weights, const group_moments& moments) {
    tensor<float> bias = n.bias.empty() ? tensor<float>({n.weights.shape()[0]}) : n.bias;
    const tensor<float> rounded = dequantize(weights);
    const std::ptrdiff_t rows = bias.size() / std::ssize(moments);
    const auto mean_outputs = [&](const tensor<float>& w) {
        std::vector<float> means;
        for (std::ptrdiff_t c = 0; c < bias.size(); ++c) {
            const Eigen::VectorXd input = moments[static_cast<std::size_t>(c / rows)].mean();
            means.push_back(static_cast<float>(as_matrix(w).row(c).cast<double>().dot(input)));
        }
        return means;
    };
    correct_bias(bias.view(), mean_outputs(n.weights), mean_outputs(rounded));
    return bias;
}

}  // namespace lowbit
