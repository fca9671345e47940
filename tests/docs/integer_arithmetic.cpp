// SPDX-License-Identifier: Apache-2.0
// The numbers of cmake/docs/integer_arithmetic.md, one section each.
#include <lowbit/kernels/elementwise.hpp>
#include <lowbit/kernels/reference.hpp>
#include <lowbit/schemes/affine.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace {

const std::vector<float> input{1, -0.5f, 0.25f};
const lowbit::tensor<float> weights({2, 3}, std::vector<float>{0.5f, -1.27f, 0.2f, 0.254f, 0.1f, -0.02f});
const std::vector<double> bias{0.3, -0.05};

const std::vector<std::int8_t> input_codes{72, -78, -3};
const std::vector<std::int8_t> weight_codes{50, -127, 20, 127, 50, -10};
const std::vector<std::int32_t> bias_codes{3000, -2500};
const std::vector<lowbit::multiplier> multipliers{{1374389535, -7}, {1099511628, -9}};

}  // namespace

TEST_CASE("section 2: scales, zero points and codes") {
    const lowbit::affine activations{.bits = 8, .symmetric = false};
    const lowbit::affine_params x = lowbit::choose_params(lowbit::range{-1.0f, 1.55f}, activations);
    const lowbit::affine_params y = lowbit::choose_params(lowbit::range{-2.04f, 3.06f}, activations);
    CHECK(x.scale == Approx(0.01));
    CHECK(x.zero_point == -28);
    CHECK(y.scale == Approx(0.02));
    CHECK(y.zero_point == -26);

    const auto q_x = lowbit::quantize(input, activations, x).codes();
    CHECK(std::vector<int>(q_x.begin(), q_x.end()) == std::vector<int>(input_codes.begin(), input_codes.end()));
    const auto q_w = lowbit::quantize(weights, lowbit::affine{.bits = 8, .granularity = lowbit::per_channel(0)});
    CHECK(q_w.params()[0].scale == Approx(0.01));
    CHECK(q_w.params()[1].scale == Approx(0.002));
    const auto codes = q_w.codes();
    CHECK(std::vector<int>(codes.begin(), codes.end()) == std::vector<int>(weight_codes.begin(), weight_codes.end()));
    for (std::size_t c = 0; c < 2; ++c)
        CHECK(std::lround(bias[c] / (double{x.scale} * q_w.params()[c].scale)) == bias_codes[c]);
}

TEST_CASE("section 3: the accumulator, and what is folded in when packing") {
    const lowbit::output_stage raw{.bias = bias_codes};
    std::int32_t acc[2];
    lowbit::reference::linear(1, {3, 2}, input_codes.data(), -28, weight_codes.data(), {}, raw, acc);
    CHECK(acc[0] == 14850);
    CHECK(acc[1] == 7450);

    const std::vector<std::int32_t> folded{1404, bias_codes[1] + 28 * (127 + 50 - 10)};
    lowbit::reference::linear(1, {3, 2}, input_codes.data(), 0, weight_codes.data(), {}, {.bias = folded}, acc);
    CHECK(acc[0] == 14850);
    CHECK(acc[1] == 7450);
}

TEST_CASE("section 4: multipliers and outputs") {
    CHECK(lowbit::make_multiplier(0.2) == lowbit::multiplier{1717986918, -2});
    CHECK(lowbit::make_multiplier(0.005) == multipliers[0]);
    CHECK(lowbit::make_multiplier(0.001) == multipliers[1]);
    CHECK(lowbit::rescale(14850, multipliers[0]) == 74);
    CHECK(lowbit::rescale(7450, multipliers[1]) == 7);

    const lowbit::output_stage stage{.bias = bias_codes, .multipliers = multipliers, .zero_point = -26};
    std::int8_t y[2];
    lowbit::reference::linear(1, {3, 2}, input_codes.data(), -28, weight_codes.data(), {}, stage, y);
    CHECK(y[0] == 48);
    CHECK(y[1] == -19);
}

TEST_CASE("section 6: an addition is rounded once") {
    const lowbit::add_stage stage{.a = lowbit::make_multiplier(0.02 / 0.03),
                                  .b = lowbit::make_multiplier(0.01 / 0.03),
                                  .a_zero = -26,
                                  .b_zero = -28};
    CHECK(lowbit::reference::add<std::int8_t>(stage, std::int8_t{48}, std::int8_t{72}) == 83);
    CHECK(lowbit::rescale(74, stage.a) + lowbit::rescale(100, stage.b) == 82);
}

TEST_CASE("section 7: averages") {
    const lowbit::pool2d_shape four{2, 2, 1, {.kernel_height = 2, .kernel_width = 2}};
    const lowbit::pool2d_shape two{1, 2, 1, {.kernel_height = 1, .kernel_width = 2}};
    const std::int8_t codes[] = {48, -19, 3, 5}, half[] = {3, -4};
    std::int8_t y = -1;
    lowbit::reference::average_pool(1, four, codes, {}, &y);
    CHECK(y == 9);
    lowbit::reference::average_pool(1, two, half, {}, &y);
    CHECK(y == 0);
}
