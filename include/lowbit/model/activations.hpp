// SPDX-License-Identifier: Apache-2.0
/// @file
/// The usual functions of one number, for `graph::activate`: `x = g.activate(x, activations::hard_swish());`. In the
/// integer network each is a table of 256 codes, so any of them costs the same.
#pragma once

#include <lowbit/model/graph.hpp>

#include <algorithm>
#include <cmath>

namespace lowbit::activations {

/// 1 / (1 + e^−x).
inline activation sigmoid() {
    return {"sigmoid", [](float x) { return 1.0f / (1.0f + std::exp(-x)); }};
}
inline activation tanh() {
    return {"tanh", [](float x) { return std::tanh(x); }};
}
/// min(max(x + 3, 0), 6) / 6.
inline activation hard_sigmoid() {
    return {"hard_sigmoid", [](float x) { return std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }};
}
/// x·hard_sigmoid(x) (Howard et al. 2019, section 5.2).
inline activation hard_swish() {
    return {"hard_swish", [](float x) { return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }};
}
/// x·sigmoid(x).
inline activation silu() {
    return {"silu", [](float x) { return x / (1.0f + std::exp(-x)); }};
}
/// x·Φ(x), exactly, by the error function.
inline activation gelu() {
    return {"gelu", [](float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678f)); }};
}
/// ln(1 + e^x).
inline activation softplus() {
    return {"softplus", [](float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }};
}
/// x for x ≥ 0, else alpha·(e^x − 1).
inline activation elu(float alpha = 1.0f) {
    return {"elu", [alpha](float x) { return x >= 0 ? x : alpha * std::expm1(x); }};
}
/// x for x ≥ 0, else slope·x.
inline activation leaky_relu(float slope = 0.01f) {
    return {"leaky_relu", [slope](float x) { return x >= 0 ? x : slope * x; }};
}

}  // namespace lowbit::activations
