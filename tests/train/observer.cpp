// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/observer.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <vector>

TEST_CASE("golden: range, scale and zero point after each step") {
    const auto batches = golden::load<float>("qat/ema.batches.npy");
    const auto expected = golden::load<double>("qat/ema.min_max_scale_zp.npy");
    lowbit::training_observer observer(0.01f);
    const lowbit::affine scheme{.bits = 8, .symmetric = false, .is_signed = false};
    for (std::ptrdiff_t b = 0; b < batches.shape()[0]; ++b) {
        observer.observe(batches.view().span().subspan(static_cast<std::size_t>(b * 200), 200));
        const auto params = observer.params(scheme);
        CHECK(double{observer.observed().min} == expected(b, 0));
        CHECK(double{params.scale} == Approx(expected(b, 2)).epsilon(2e-7));
        CHECK(params.zero_point == static_cast<int>(expected(b, 3)));
    }
}

TEST_CASE("a frozen observer learns nothing more") {
    lowbit::training_observer by_steps(0.5f, 2), by_hand(0.5f);
    for (const float top : {1.0f, 3.0f, 100.0f}) {
        by_steps.observe(std::vector<float>{0, top});
        by_hand.observe(std::vector<float>{0, top});
        if (top == 3) by_hand.freeze();
    }
    CHECK(by_steps.frozen());
    CHECK(by_hand.frozen());
    CHECK(by_steps.observed() == lowbit::range{0, 2});
    CHECK(by_hand.observed() == lowbit::range{0, 2});
    CHECK_THROWS_WITH(lowbit::training_observer(0.5f, 0), Catch::Contains("0 steps"));
    CHECK_THROWS_WITH(lowbit::training_observer().observed(), Catch::Contains("no batch"));
}
