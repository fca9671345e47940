// SPDX-License-Identifier: Apache-2.0
/// @file
/// A linear layer whose activations are quantized as they come: no calibration. The range is taken from each call's
/// data, per tensor or per row (per token), the product runs with integers, and the result is float:
///
///     y[r, c] = S_x[r]·S_w[c]·(Σ q_x·(q_w − Z_w[c]) − Z_x[r]·Σ(q_w − Z_w[c])) + b[c]
///
/// Z_x stays outside of the product, so that it may differ from row to row.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/kernels/linear.hpp>
#include <lowbit/model/lower.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace lowbit {

/// Which activations share a scale.
enum class dynamic_range { per_tensor, per_row };

/// Weights packed once; a value.
class dynamic_linear {
public:
    /// weights: [out, in], of any scheme (those that are not affine per tensor or output channel compute as int8 per
    /// channel). bias: [out], or empty. activations: at most 8 bits, signed or not. Errors: other shapes.
    explicit dynamic_linear(const any_quantized& weights, tensor<float> bias = {},
                            dynamic_range ranges = dynamic_range::per_row,
                            const affine& activations = {.bits = 8, .symmetric = false})
        : bias_(std::move(bias)), ranges_(ranges), activations_(activations) {
        check(weights.shape().rank() == 2, "dynamic_linear: weights ", to_string(weights.shape()),
              " should be [out, in]");
        out_ = weights.shape()[0];
        in_ = weights.shape()[1];
        check(bias_.empty() || bias_.size() == out_, "dynamic_linear: ", bias_.size(), " biases for ", out_,
              " outputs");
        check(activations_.bits <= 8, "dynamic_linear: ", activations_.bits, " bits; activations have at most 8");
        const integer_weights lowered = lower_weights({weights, {}}, 1.0f);
        scales_ = lowered.scales;
        for (std::ptrdiff_t c = 0; c < out_; ++c) {
            std::int64_t sum = 0;
            for (std::ptrdiff_t i = c * in_; i < (c + 1) * in_; ++i) sum += lowered.code(i) - lowered.zero_point(c);
            weight_sums_.push_back(sum);
        }
        const integer_layer layer{.weights = lowered.codes.data(),
                                  .weight_type = lowered.is_signed ? code_type::s8 : code_type::u8,
                                  .weight_zero_points = lowered.zero_points,
                                  .input_type = activations_.is_signed ? code_type::s8 : code_type::u8,
                                  .output_type = code_type::s32};
        packed_.resize(packed_linear_bytes({in_, out_}, layer));
        const pack_status status = pack_linear({in_, out_}, layer, packed_.data());
        check(bool(status), "dynamic_linear: ", to_string(status.error), " (channel ", status.channel, ")");
    }

    /// x: [rows, in], or any shape with `in` as its last axis. Errors: another last axis; values that are not finite.
    template <class X>
    tensor<float> run(const X& x, const executor& pool = {}) const {
        const auto values = read_float(x);
        const tensor_shape& shape = values.shape();
        check(shape.rank() >= 1 && shape[shape.rank() - 1] == in_, "dynamic_linear: expects ", in_,
              " values in the last axis of ", to_string(shape));
        const std::ptrdiff_t rows = values.size() / std::max<std::ptrdiff_t>(in_, 1);
        const auto params = choose(values.view().reshaped({rows, in_}));
        return activations_.is_signed ? multiply<std::int8_t>(values, params, rows, pool)
                                      : multiply<std::uint8_t>(values, params, rows, pool);
    }

private:
    std::vector<affine_params> choose(tensor_view<const float> x) const {
        affine scheme = activations_;
        scheme.granularity = ranges_ == dynamic_range::per_row ? per_channel(0) : per_tensor();
        for (std::ptrdiff_t i = 0; i < x.size(); ++i)
            check(is_finite(x[i]), "dynamic_linear: the value at index ", i, " is not finite");
        return choose_params(x, scheme);
    }

    template <class T>
    tensor<float> multiply(const row_values<float>& x, const std::vector<affine_params>& params, std::ptrdiff_t rows,
                           const executor& pool) const {
        const auto at = [&](std::ptrdiff_t row) {
            return params[params.size() == 1 ? 0 : static_cast<std::size_t>(row)];
        };
        aligned_vector<T> codes(static_cast<std::size_t>(x.size()));
        for (std::ptrdiff_t row = 0; row < rows; ++row)
            quantize_affine(x.view().data() + row * in_, in_, edge_codes{activations_, at(row)}.grid(),
                            codes.data() + row * in_);
        tensor<std::int32_t> sums({rows, out_});
        const packed_linear packed(packed_.data());
        aligned_vector<std::uint8_t> workspace(linear_workspace_bytes(packed, rows));
        check(linear(packed, rows, codes.data(), sums.data(), workspace.data(), pool),
              "dynamic_linear: packed for another instruction set than the active one; construct it anew");
        std::vector<std::ptrdiff_t> extents(x.shape().begin(), x.shape().end());
        extents.back() = out_;
        tensor<float> y{tensor_shape(std::span<const std::ptrdiff_t>(extents))};
        for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
            const auto c = static_cast<std::size_t>(i % out_);
            const affine_params p = at(i / out_);
            const std::int64_t sum = sums[i] - p.zero_point * weight_sums_[c];
            const double scale = double{p.scale} * double{scales_[c]};
            y[i] = static_cast<float>(
                std::fma(static_cast<double>(sum), scale, bias_.empty() ? 0.0 : double{bias_[i % out_]}));
        }
        return y;
    }

    std::ptrdiff_t in_ = 0, out_ = 0;
    tensor<float> bias_;
    dynamic_range ranges_;
    affine activations_;
    std::vector<float> scales_;
    std::vector<std::int64_t> weight_sums_;
    aligned_vector<std::uint8_t> packed_;
};

}  // namespace lowbit
