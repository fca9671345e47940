// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/hadamard.hpp>

#include <tests/support/gaussian.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using lowbit::tensor;

TEST_CASE("products of rotated weights and rotated inputs are the products") {
    const lowbit::hadamard_rotation rotation = GENERATE(
        lowbit::hadamard_rotation{}, lowbit::hadamard_rotation{.block = 16}, lowbit::hadamard_rotation{.block = 1},
        lowbit::hadamard_rotation{.seed = 7}, lowbit::hadamard_rotation{.block = 32, .seed = 9});
    const auto w = gaussian({3, 96}, 1), x = gaussian({2, 96}, 2);
    auto rw = w, rx = x;
    lowbit::rotate(rw, rotation);
    lowbit::rotate(rx, rotation);
    for (std::ptrdiff_t o = 0; o < 3; ++o) {
        for (std::ptrdiff_t n = 0; n < 2; ++n) {
            double expected = 0, actual = 0;
            for (std::ptrdiff_t i = 0; i < 96; ++i) {
                expected += double{w(o, i)} * double{x(n, i)};
                actual += double{rw(o, i)} * double{rx(n, i)};
            }
            CHECK(actual == Approx(expected).margin(1e-4));
        }
    }
}

TEST_CASE("small rotations are Hadamard's matrices, and outliers spread") {
    tensor<float> x({4}, std::vector<float>{1, 2, 3, 4});
    lowbit::rotate(x);
    CHECK(x == tensor<float>({4}, std::vector<float>{5, -1, -2, 0}));
    tensor<float> spike({1, 1024});
    spike[77] = 32;
    lowbit::rotate(spike, {.seed = 3});
    CHECK(std::all_of(spike.begin(), spike.end(), [](float v) { return std::abs(v) == 1; }));
}

TEST_CASE("blocks that do not fit are refused") {
    auto x = gaussian({2, 96}, 1);
    CHECK_THROWS_WITH(lowbit::rotate(x, {.block = 24}), Catch::Contains("power of two"));
    CHECK_THROWS_WITH(lowbit::rotate(x, {.block = 64}), Catch::Contains("96 columns"));
    tensor<float> scalar(lowbit::tensor_shape{});
    CHECK_THROWS_WITH(lowbit::rotate(scalar), Catch::Contains("scalar"));
    tensor<float> empty({0, 5});
    lowbit::rotate(empty);
}
