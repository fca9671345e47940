// SPDX-License-Identifier: Apache-2.0
/// @file
/// Steps down the gradient: SGD with momentum, Adam, and the cosine schedule of their rate.
#pragma once

#include "backprop.hpp"

#include <cmath>
#include <numbers>
#include <span>
#include <vector>

namespace examples {

/// v ← momentum·v + g + decay·w, w ← w − rate·v.
class sgd {
public:
    explicit sgd(float momentum = 0.9f, float decay = 0) : momentum_(momentum), decay_(decay) {}

    void step(std::span<const parameter> parameters, float rate) {
        velocity_.resize(parameters.size());
        for (std::size_t p = 0; p < parameters.size(); ++p) {
            tensor<float>& w = *parameters[p].value;
            const tensor<float>& g = *parameters[p].gradient;
            const float decay = parameters[p].decays ? decay_ : 0;
            velocity_[p].resize(static_cast<std::size_t>(w.size()));
            float* v = velocity_[p].data();
            for (std::ptrdiff_t i = 0; i < w.size(); ++i) {
                v[i] = momentum_ * v[i] + g[i] + decay * w[i];
                w[i] -= rate * v[i];
            }
        }
    }

private:
    float momentum_, decay_;
    std::vector<std::vector<float>> velocity_;
};

/// Kingma and Ba 2015, with decoupled weight decay (Loshchilov and Hutter 2019).
class adam {
public:
    explicit adam(float decay = 0, float beta1 = 0.9f, float beta2 = 0.999f)
        : decay_(decay), beta1_(beta1), beta2_(beta2) {}

    void step(std::span<const parameter> parameters, float rate) {
        ++steps_;
        const float correct1 = 1 - std::pow(beta1_, static_cast<float>(steps_));
        const float correct2 = 1 - std::pow(beta2_, static_cast<float>(steps_));
        moments_.resize(parameters.size());
        for (std::size_t p = 0; p < parameters.size(); ++p) {
            tensor<float>& w = *parameters[p].value;
            const tensor<float>& g = *parameters[p].gradient;
            const float shrink = parameters[p].decays ? rate * decay_ : 0;
            const auto size = static_cast<std::size_t>(w.size());
            moments_[p].resize(2 * size);
            float *m = moments_[p].data(), *v = m + size;
            for (std::ptrdiff_t i = 0; i < w.size(); ++i) {
                m[i] += (1 - beta1_) * (g[i] - m[i]);
                v[i] += (1 - beta2_) * (g[i] * g[i] - v[i]);
                w[i] -= rate * (m[i] / correct1) / (std::sqrt(v[i] / correct2) + 1e-8f) + shrink * w[i];
            }
        }
    }

private:
    float decay_, beta1_, beta2_;
    int steps_ = 0;
    std::vector<std::vector<float>> moments_;
};

/// From `rate` at progress 0 down to 0 at progress 1, after a linear rise over the first `warmup`.
inline float cosine_rate(float rate, double progress, double warmup = 0) {
    if (progress < warmup) return rate * static_cast<float>(progress / warmup);
    const double along = (progress - warmup) / (1 - warmup);
    return rate * static_cast<float>(0.5 * (1 + std::cos(std::numbers::pi * along)));
}

}  // namespace examples
