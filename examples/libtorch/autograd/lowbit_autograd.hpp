// SPDX-License-Identifier: Apache-2.0
/// @file
/// lowbit's training functions as operations of libtorch's autograd: nothing but views in both directions.
#pragma once

#include <lowbit/train/lsq.hpp>

#include <torch/torch.h>

#include <cstddef>
#include <vector>

namespace lowbit_torch {

/// A view of a tensor's memory. Errors: not float32 in row order on the CPU.
inline lowbit::tensor_view<float> view(const torch::Tensor& t) {
    lowbit::check(t.is_contiguous() && t.scalar_type() == torch::kFloat && t.is_cpu(),
                  "lowbit_torch: expected a contiguous float32 tensor on the CPU");
    const std::vector<std::ptrdiff_t> extents(t.sizes().begin(), t.sizes().end());
    return {t.data_ptr<float>(), lowbit::tensor_shape(extents)};
}

/// Learned scales as parameters of the scheme.
inline std::vector<lowbit::affine_params> params(const torch::Tensor& scale, const lowbit::affine& scheme) {
    std::vector<lowbit::affine_params> result;
    for (const float s : view(scale).span()) result.push_back(lowbit::lsq_params(s, 0, scheme));
    return result;
}

/// LSQ: x̂ of x with learned scales, one or one per channel of axis 0.
struct learned_step : torch::autograd::Function<learned_step> {
    static lowbit::affine scheme(std::int64_t bits, bool is_signed, const torch::Tensor& scale) {
        return {.bits = static_cast<int>(bits),
                .granularity = scale.numel() == 1 ? lowbit::per_tensor() : lowbit::per_channel(0),
                .is_signed = is_signed};
    }

    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                                 const torch::Tensor& scale, std::int64_t bits, bool is_signed) {
        context->save_for_backward({x, scale});
        context->saved_data["bits"] = bits;
        context->saved_data["is_signed"] = is_signed;
        const lowbit::affine s = scheme(bits, is_signed, scale);
        torch::Tensor out = torch::empty_like(x);
        lowbit::fake_quantize(view(x), s, params(scale, s), view(out));
        return out;
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::tensor_list& upstream) {
        const auto saved = context->get_saved_variables();
        const torch::Tensor &x = saved[0], &scale = saved[1];
        const lowbit::affine s =
            scheme(context->saved_data["bits"].toInt(), context->saved_data["is_signed"].toBool(), scale);
        torch::Tensor x_gradient = torch::empty_like(x), scale_gradient = torch::empty_like(scale);
        const auto learned =
            lowbit::lsq_backward(view(x), view(upstream[0].contiguous()), s, params(scale, s), view(x_gradient));
        std::copy(learned.scale.begin(), learned.scale.end(), view(scale_gradient).begin());
        return {x_gradient, scale_gradient, {}, {}};
    }
};

}  // namespace lowbit_torch
