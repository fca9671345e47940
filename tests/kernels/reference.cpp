// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reference.hpp>

#include <catch2/catch.hpp>

#include <vector>

namespace {

const std::vector<lowbit::multiplier> half{lowbit::make_multiplier(0.5)};

}  // namespace

TEST_CASE("linear: zero points on both sides, by hand") {
    const std::uint8_t x[] = {1, 2, 3}, w[] = {10, 20, 30, 5, 5, 5};
    const std::vector<std::int32_t> bias{7, -7}, zeros{10, 5};
    std::int32_t y[2];
    lowbit::reference::linear(1, {3, 2}, x, 1, w, zeros, {.bias = bias}, y);
    CHECK(y[0] == 0 * 0 + 1 * 10 + 2 * 20 + 7);
    CHECK(y[1] == -7);
}

TEST_CASE("linear: no inputs leave the bias") {
    const std::vector<std::int32_t> bias{41};
    std::int8_t y = 0;
    lowbit::reference::linear<std::int8_t, std::int8_t>(1, {0, 1}, nullptr, 3, nullptr, {},
                                                        {.bias = bias, .multipliers = half, .zero_point = -2}, &y);
    CHECK(y == 19);
}

TEST_CASE("conv2d: what the window sees beside the image adds nothing, whatever the zero point") {
    const std::int8_t x[] = {1, 2, 3, 4}, w[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const lowbit::window2d same{
        .kernel_height = 3, .kernel_width = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
    std::int32_t y[4];
    lowbit::reference::conv2d(1, {2, 2, 1, 1, same}, x, 5, w, {}, {}, y);
    for (const std::int32_t sum : y) CHECK(sum == 1 + 2 + 3 + 4 - 4 * 5);
}

TEST_CASE("conv2d: stride, dilation and groups pick the right pixels and channels") {
    std::int8_t x[5 * 5 * 2];
    for (int i = 0; i < 50; ++i) x[i] = static_cast<std::int8_t>(i);
    const std::int8_t w[] = {1, 0, 0, -1, 0, 1, 1, 0};  // two output channels of one 2x2 window each
    const lowbit::window2d window{.kernel_height = 2,
                                  .kernel_width = 2,
                                  .stride_height = 2,
                                  .stride_width = 2,
                                  .dilation_height = 2,
                                  .dilation_width = 2};
    std::int32_t y[8];
    lowbit::reference::conv2d(1, {5, 5, 2, 2, window, 2}, x, 0, w, {}, {}, y);
    const auto at = [](int row, int column, int channel) { return (row * 5 + column) * 2 + channel; };
    for (int oy = 0; oy < 2; ++oy) {
        for (int ox = 0; ox < 2; ++ox) {
            const int row = 2 * oy, column = 2 * ox;
            CHECK(y[(oy * 2 + ox) * 2] == at(row, column, 0) - at(row + 2, column + 2, 0));
            CHECK(y[(oy * 2 + ox) * 2 + 1] == at(row, column + 2, 1) + at(row + 2, column, 1));
        }
    }
}

TEST_CASE("requantize: the output stage, row by row, with clamps per channel") {
    const std::int32_t acc[] = {10, 11, -10, -11, 1000, 1000};
    const std::vector<lowbit::code_range> clamps{{-128, 127}, {0, 6}};
    std::int8_t y[6];
    lowbit::reference::requantize(3, 2, acc, {.multipliers = half, .zero_point = 1, .clamp = clamps}, y);
    CHECK(std::vector<int>(y, y + 6) == std::vector<int>{6, 6, -4, 0, 127, 6});

    float f[2];
    const std::vector<float> scales{0.5f, 2.0f};
    lowbit::reference::requantize(1, 2, acc, {.scales = scales}, f);
    CHECK(f[0] == 5.0f);
    CHECK(f[1] == 22.0f);
}
