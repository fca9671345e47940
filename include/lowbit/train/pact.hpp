// SPDX-License-Identifier: Apache-2.0
/// @file
/// PACT: a ReLU whose upper clip α is learned, then quantized (Choi et al. 2018, "PACT: Parameterized Clipping
/// Activation for Quantized Neural Networks", equations 1 to 3).
///
///     y = ½(|x| − |x − α| + α) = clamp(x, 0, α),   ŷ = S·rint(y/S),  S = α/(2^bits − 1)
///     ∂ŷ/∂x = 1 where 0 < x < α, else 0;    ∂ŷ/∂α = 1 where x ≥ α, else 0
#pragma once

#include <lowbit/train/fake_quantize.hpp>

#include <cstddef>
#include <span>

namespace lowbit {

/// What the integer network stores PACT's outputs as: unsigned codes from 0 to α.
inline affine pact_scheme(int bits) { return {.bits = bits, .is_signed = false}; }

/// S = α/(2^bits − 1), Z = 0. Errors: α not positive and finite.
inline affine_params pact_params(float alpha, int bits) {
    check(alpha > 0 && is_finite(alpha), "pact: alpha ", alpha, " must be positive and finite");
    return choose_params(range{0, alpha}, pact_scheme(bits));
}

/// ŷ of x. out may be x's memory. Complexity O(n). Errors: sizes that differ; α not positive and finite.
inline void pact(tensor_view<const float> x, float alpha, int bits, tensor_view<float> out, const executor& exec = {}) {
    const affine_params params = pact_params(alpha, bits);
    fake_quantize(x, pact_scheme(bits), std::span(&params, 1), out, exec);
}

/// dL/dx into `out` (which may be upstream's memory); gives dL/dα, summed in float64 and in order. Complexity O(n).
/// Errors: sizes that differ; α not positive.
inline float pact_backward(tensor_view<const float> x, tensor_view<const float> upstream, float alpha,
                           tensor_view<float> out) {
    check(x.size() == out.size() && x.size() == upstream.size(), "pact_backward: ", x.size(), " values, ",
          upstream.size(), " gradients, room for ", out.size());
    check(alpha > 0, "pact_backward: alpha ", alpha, " must be positive");
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        // Products instead of branches, whose way would be random.
        const auto clipped = static_cast<float>(x[i] >= alpha), positive = static_cast<float>(x[i] > 0);
        const float gradient = upstream[i];
        sum += double{clipped * gradient};
        out[i] = (positive - clipped) * gradient;
    }
    return static_cast<float>(sum);
}

}  // namespace lowbit
