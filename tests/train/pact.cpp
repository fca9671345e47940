// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/pact.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using lowbit::tensor;

TEST_CASE("golden: PACT at 4 bits, alpha 1.5") {
    const auto x = golden::load<float>("qat/pact_4.x.npy"), expected = golden::load<float>("qat/pact_4.y.npy");
    tensor<float> y(x.shape()), gradients(x.shape());
    lowbit::pact(x, 1.5f, 4, y);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        // The reference divides where the integer network multiplies by 1/S: they part at exact halves only.
        const double steps = double{x[i]} * 10;
        if (std::abs(steps - std::floor(steps) - 0.5) < 1e-6) continue;
        CHECK(y[i] == Approx(expected[i]).epsilon(1e-6));
    }
    const float alpha_gradient = lowbit::pact_backward(x, golden::load<float>("qat/pact_4.g.npy"), 1.5f, gradients);
    CHECK(gradients == golden::load<float>("qat/pact_4.dx.npy"));
    CHECK(alpha_gradient == Approx(golden::load<float>("qat/pact_4.dalpha.npy")[0]).epsilon(1e-6));
}

TEST_CASE("the edges of the clip, and the parameters") {
    const tensor<float> x({5}, std::vector<float>{-1, 0, 1, 2, 3}), upstream({5}, 1.0f);
    tensor<float> gradients({5});
    CHECK(lowbit::pact_backward(x, upstream, 2, gradients) == 2);
    CHECK(gradients == tensor<float>({5}, std::vector<float>{0, 0, 1, 0, 0}));
    CHECK(lowbit::pact_params(3, 2) == lowbit::affine_params{1, 0});
    CHECK(lowbit::pact_scheme(4).highest() == 15);
    CHECK_THROWS_WITH(lowbit::pact_params(0, 4), Catch::Contains("alpha 0"));
    CHECK_THROWS_WITH(lowbit::pact_backward(x, tensor<float>({4}), 2, gradients), Catch::Contains("4 gradients"));
}
