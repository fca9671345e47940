// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/activations.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("activations have the values of their formulas and a name") {
    const auto check_values = [](const activation& a, const char* name, float at_minus_2, float at_1) {
        CAPTURE(name);
        CHECK(a.name == name);
        CHECK(a.function(-2.0f) == Approx(at_minus_2).epsilon(1e-5));
        CHECK(a.function(1.0f) == Approx(at_1).epsilon(1e-5));
    };
    check_values(activations::sigmoid(), "sigmoid", 0.119203f, 0.731059f);
    check_values(activations::tanh(), "tanh", -0.964028f, 0.761594f);
    check_values(activations::hard_sigmoid(), "hard_sigmoid", 1 / 6.0f, 4 / 6.0f);
    check_values(activations::hard_swish(), "hard_swish", -2 / 6.0f, 4 / 6.0f);
    check_values(activations::silu(), "silu", -0.238406f, 0.731059f);
    check_values(activations::gelu(), "gelu", -0.0455003f, 0.841345f);
    check_values(activations::softplus(), "softplus", 0.126928f, 1.313262f);
    check_values(activations::elu(0.5f), "elu", -0.432332f, 1.0f);
    check_values(activations::leaky_relu(0.1f), "leaky_relu", -0.2f, 1.0f);
}
