// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/pooling.hpp>
#include <tests/kernels/layers.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

namespace {

/// Every window by itself, in floating point: as far from the integer loops as an oracle can be.
template <class T>
void compare_with_oracle(unsigned seed) {
    layers::source random(seed);
    lowbit::pool2d_shape shape{random.between(1, 9), random.between(1, 9), random.between(1, 5)};
    lowbit::window2d& w = shape.window;
    w.kernel_height = random.between(1, 4);
    w.kernel_width = random.between(1, 4);
    w.stride_height = random.between(1, 3);
    w.stride_width = random.between(1, 3);
    w.pad_top = random.between(0, w.kernel_height - 1);
    w.pad_bottom = random.between(0, w.kernel_height - 1);
    w.pad_left = random.between(0, w.kernel_width - 1);
    w.pad_right = random.between(0, w.kernel_width - 1);
    if (!valid(shape)) return;
    const std::ptrdiff_t batch = 2;
    const auto x = random.codes<T>(batch * shape.height * shape.width * shape.channels);
    const lowbit::code_range clamp{random.int32(-128, 0), random.int32(1, 255)};
    lowbit::tensor<T> most({batch, shape.out_height(), shape.out_width(), shape.channels}), mean(most.shape());
    lowbit::max_pool(batch, shape, x.data(), most.data(), clamp);
    lowbit::average_pool(batch, shape, x.data(), mean.data(), clamp);

    const auto limit = [&](double value) {
        const double low = std::max<double>(clamp.lowest, std::numeric_limits<T>::min());
        const double high = std::min<double>(clamp.highest, std::numeric_limits<T>::max());
        return static_cast<T>(std::clamp(value, low, high));
    };
    for (std::ptrdiff_t n = 0; n < batch; ++n)
        for (std::ptrdiff_t oy = 0; oy < shape.out_height(); ++oy)
            for (std::ptrdiff_t ox = 0; ox < shape.out_width(); ++ox)
                for (std::ptrdiff_t c = 0; c < shape.channels; ++c) {
                    double largest = -1000, sum = 0, count = 0;
                    for (std::ptrdiff_t y = 0; y < shape.height; ++y)
                        for (std::ptrdiff_t z = 0; z < shape.width; ++z) {
                            const std::ptrdiff_t ky = y + w.pad_top - oy * w.stride_height;
                            const std::ptrdiff_t kx = z + w.pad_left - ox * w.stride_width;
                            if (ky < 0 || ky >= w.kernel_height || kx < 0 || kx >= w.kernel_width) continue;
                            const auto at = ((n * shape.height + y) * shape.width + z) * shape.channels + c;
                            const double code = x[static_cast<std::size_t>(at)];
                            largest = std::max(largest, code);
                            sum += code;
                            ++count;
                        }
                    CHECK(most(n, oy, ox, c) == limit(largest));
                    CHECK(mean(n, oy, ox, c) == limit(std::floor(sum / count + 0.5)));
                }
}

}  // namespace

TEST_CASE("max and average pooling equal an oracle for random windows, padding and clamps") {
    for (unsigned seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        compare_with_oracle<std::int8_t>(seed);
        compare_with_oracle<std::uint8_t>(seed);
    }
}

TEST_CASE("means are rounded once, halves toward +infinity") {
    const std::int8_t x[] = {3, -4, -3, 2, 127, 127, -128, -128};
    std::int8_t y[4];
    for (int i = 0; i < 4; ++i) lowbit::global_average_pool(1, 2, 1, x + 2 * i, y + i);
    CHECK(y[0] == 0);
    CHECK(y[1] == 0);
    CHECK(y[2] == 127);
    CHECK(y[3] == -128);
}

TEST_CASE("global pooling averages each channel of each image") {
    const std::uint8_t x[] = {0, 10, 200, 20, 255, 30, 1, 2, 3, 4, 5, 6};  // two images of three pixels, two channels
    std::uint8_t y[4];
    lowbit::global_average_pool(2, 3, 2, x, y);
    CHECK(int(y[0]) == 152);
    CHECK(int(y[1]) == 20);
    CHECK(int(y[2]) == 3);
    CHECK(int(y[3]) == 4);
    lowbit::global_average_pool(2, 3, 2, x, y, {10, 100});
    CHECK(int(y[0]) == 100);
    CHECK(int(y[2]) == 10);
}
