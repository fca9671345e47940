// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pooling.hpp>
#include <tests/kernels/layers.hpp>

#include <catch2/catch.hpp>

namespace {

template <class T>
void compare_with_reference(unsigned seed) {
    layers::source random(seed);
    lowbit::window2d window;
    window.kernel_height = random.between(1, 4);
    window.kernel_width = random.between(1, 4);
    window.stride_height = random.between(1, 3);
    window.stride_width = random.between(1, 3);
    window.pad_top = random.between(0, window.kernel_height - 1);
    window.pad_bottom = random.between(0, window.kernel_height - 1);
    window.pad_left = random.between(0, window.kernel_width - 1);
    window.pad_right = random.between(0, window.kernel_width - 1);
    const lowbit::pool2d_shape shape{random.between(1, 9), random.between(1, 9), random.between(1, 140), window};
    if (!valid(shape)) return;
    const std::ptrdiff_t batch = random.between(1, 2);
    const auto x = random.codes<T>(batch * shape.height * shape.width * shape.channels, random.chance(10));
    const lowbit::code_range clamp = random.chance(50) ? lowbit::code_range{} : lowbit::code_range{-20, 90};
    std::vector<T> expected(static_cast<std::size_t>(batch * shape.out_height() * shape.out_width() * shape.channels)),
        y(expected.size()), means(static_cast<std::size_t>(batch * shape.channels)), expected_means(means.size());
    for (const lowbit::isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        INFO(to_string(set) << ", seed " << seed);
        lowbit::reference::max_pool(batch, shape, x.data(), clamp, expected.data());
        lowbit::max_pool(batch, shape, x.data(), y.data(), clamp);
        REQUIRE(y == expected);
        lowbit::reference::average_pool(batch, shape, x.data(), clamp, expected.data());
        lowbit::average_pool(batch, shape, x.data(), y.data(), clamp);
        REQUIRE(y == expected);
        const std::ptrdiff_t pixels = shape.height * shape.width;
        lowbit::reference::global_average_pool(batch, pixels, shape.channels, x.data(), clamp, expected_means.data());
        lowbit::global_average_pool(batch, pixels, shape.channels, x.data(), means.data(), clamp);
        REQUIRE(means == expected_means);
    }
}

}  // namespace

TEST_CASE("pooling: every instruction set gives the bits of the reference") {
    for (unsigned seed = 0; seed < 150; ++seed) {
        compare_with_reference<std::int8_t>(seed);
        compare_with_reference<std::uint8_t>(seed);
    }
}

TEST_CASE("halves round toward +infinity; padding does not count") {
    const std::int8_t x[] = {1, 2, -1, -2};
    std::int8_t y[4];
    lowbit::global_average_pool(2, 2, 1, x, y);
    CHECK(int(y[0]) == 2);   // 1.5
    CHECK(int(y[1]) == -1);  // −1.5
    const lowbit::pool2d_shape shape{1, 2, 1, {.kernel_width = 2, .pad_left = 1, .pad_right = 1}};
    lowbit::average_pool(1, shape, x, y);
    CHECK(int(y[0]) == 1);
    CHECK(int(y[1]) == 2);
    CHECK(int(y[2]) == 2);
}

TEST_CASE("windows too large for the vector code are exact too") {
    std::vector<std::uint8_t> x(5000 * 70, 255), y(70);
    for (std::size_t i = 0; i < 70; ++i) x[i] = 0;
    for (const lowbit::isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        lowbit::global_average_pool(1, 5000, 70, x.data(), y.data());
        CHECK(y == std::vector<std::uint8_t>(70, 255));
        lowbit::global_average_pool(1, 1024, 70, x.data(), y.data());
        CHECK(y == std::vector<std::uint8_t>(70, 255));
    }
}
