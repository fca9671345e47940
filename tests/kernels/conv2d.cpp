// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/conv2d.hpp>
#include <lowbit/kernels/reference.hpp>
#include <tests/kernels/layers.hpp>

#include <catch2/catch.hpp>

using lowbit::isa;

namespace {

lowbit::window2d random_window(layers::source& random) {
    lowbit::window2d window;
    window.kernel_height = random.between(1, 5);
    window.kernel_width = random.chance(50) ? window.kernel_height : random.between(1, 5);
    window.stride_height = random.between(1, 3);
    window.stride_width = random.between(1, 3);
    window.dilation_height = random.chance(70) ? 1 : random.between(1, 3);
    window.dilation_width = random.chance(70) ? 1 : random.between(1, 3);
    for (auto* pad : {&window.pad_top, &window.pad_bottom, &window.pad_left, &window.pad_right})
        *pad = random.chance(50) ? window.kernel_width / 2 : random.between(0, 4);
    return window;
}

template <class X, class W, class Y>
void compare_conv2d(unsigned seed) {
    layers::source random(seed);
    lowbit::conv2d_shape shape{random.between(1, 17),
                               random.between(1, 20),
                               0,
                               0,
                               random_window(random),
                               random.chance(70) ? 1 : random.between(1, 4)};
    shape.channels = shape.groups * (random.chance(40) ? random.between(1, 5) : random.between(1, 70));
    shape.out_channels = shape.groups * (random.chance(50) ? random.between(1, 20) : random.between(1, 90));
    if (random.chance(20)) shape.window = {};
    if (!valid(shape)) return;
    const std::ptrdiff_t batch = random.between(1, 2), pixels = shape.out_height() * shape.out_width();
    const bool extreme = random.chance(10);
    const auto x = random.codes<X>(batch * shape.height * shape.width * shape.channels, extreme);
    const auto w = random.codes<W>(shape.out_channels * shape.depth(), extreme);
    const layers::stage stage(random, shape.out_channels, shape.depth(), Y{}, std::is_same_v<W, std::uint8_t>,
                              random.chance(50));
    const lowbit::integer_layer layer{
        .weights = w.data(),
        .weight_type = lowbit::code_type_of<W>,
        .weight_zero_points = stage.weight_zeros,
        .input_type = lowbit::code_type_of<X>,
        .input_zero_point = random.int32(std::numeric_limits<X>::min(), std::numeric_limits<X>::max()),
        .output_type = lowbit::code_type_of<Y>,
        .output = stage.view};
    std::vector<Y> expected(static_cast<std::size_t>(batch * pixels * shape.out_channels)), y(expected.size() + 1);
    lowbit::reference::conv2d(batch, shape, x.data(), layer.input_zero_point, w.data(), layer.weight_zero_points,
                              layer.output, expected.data());
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_conv2d_bytes(shape, layer, set));
        REQUIRE(lowbit::pack_conv2d(shape, layer, memory.data(), set));
        const lowbit::packed_conv2d packed(memory.data());
        layers::memory workspace(lowbit::conv2d_workspace_bytes(packed, batch));
        std::fill(y.begin(), y.end(), Y(77));
        // x in memory of its own, so that a sanitizer sees any byte read past it
        REQUIRE(lowbit::conv2d(packed, batch, x.data(), y.data(), workspace.data()));
        INFO(to_string(set) << ", seed " << seed << ": " << batch << " x [" << shape.height << ", " << shape.width
                            << ", " << shape.channels << "] -> " << shape.out_channels << ", window "
                            << shape.window.kernel_height << " x " << shape.window.kernel_width << ", stride "
                            << shape.window.stride_height << " " << shape.window.stride_width << ", dilation "
                            << shape.window.dilation_height << " " << shape.window.dilation_width << ", pads "
                            << shape.window.pad_top << " " << shape.window.pad_bottom << " " << shape.window.pad_left
                            << " " << shape.window.pad_right << ", groups " << shape.groups);
        REQUIRE(std::equal(expected.begin(), expected.end(), y.begin()));
        REQUIRE(y.back() == Y(77));
    }
}

}  // namespace

TEST_CASE("conv2d: every instruction set gives the bits of the reference") {
    for (unsigned seed = 0; seed < 120; ++seed) {
        compare_conv2d<std::int8_t, std::int8_t, std::int8_t>(seed);
        compare_conv2d<std::uint8_t, std::int8_t, std::uint8_t>(seed);
        compare_conv2d<std::int8_t, std::uint8_t, std::uint8_t>(seed);
        compare_conv2d<std::uint8_t, std::int8_t, std::int32_t>(seed);
        compare_conv2d<std::int8_t, std::int8_t, float>(seed);
    }
}

TEST_CASE("a window of more taps than the stack holds") {
    layers::source random(3);
    const lowbit::window2d window{.kernel_height = 11, .kernel_width = 9, .pad_top = 5, .pad_left = 4, .pad_right = 4};
    const lowbit::conv2d_shape shape{13, 12, 8, 20, window, 1};
    const auto x = random.codes<std::int8_t>(13 * 12 * 8), w = random.codes<std::int8_t>(20 * shape.depth());
    const lowbit::integer_layer layer{
        .weights = w.data(), .input_zero_point = -9, .output_type = lowbit::code_type::s32};
    std::vector<std::int32_t> expected(static_cast<std::size_t>(shape.out_height() * shape.out_width() * 20)),
        y(expected.size());
    lowbit::reference::conv2d(1, shape, x.data(), -9, w.data(), {}, {}, expected.data());
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_conv2d_bytes(shape, layer, set));
        REQUIRE(lowbit::pack_conv2d(shape, layer, memory.data(), set));
        const lowbit::packed_conv2d packed(memory.data());
        REQUIRE(lowbit::conv2d_workspace_bytes(packed, 1) > 0);
        layers::memory workspace(lowbit::conv2d_workspace_bytes(packed, 1));
        REQUIRE(lowbit::conv2d(packed, 1, x.data(), y.data(), workspace.data()));
        CHECK(y == expected);
    }
}

TEST_CASE("shapes that make no sense are refused") {
    const std::int8_t w[64] = {};
    const lowbit::multiplier factor = lowbit::make_multiplier(0.1);
    const lowbit::integer_layer layer{.weights = w, .output = {.multipliers = {&factor, 1}}};
    layers::memory memory(4096);
    const auto refused = [&](const lowbit::conv2d_shape& shape) {
        return lowbit::pack_conv2d(shape, layer, memory.data()).error == lowbit::pack_error::shape &&
               lowbit::packed_conv2d_bytes(shape, layer) == 0;
    };
    CHECK_FALSE(refused({4, 4, 2, 2, {}, 1}));
    CHECK(refused({0, 4, 2, 2, {}, 1}));
    CHECK(refused({4, 4, 2, 3, {}, 2}));
    CHECK(refused({4, 4, 3, 2, {}, 2}));
    CHECK(refused({4, 4, 2, 2, {}, 0}));
    CHECK(refused({4, 4, 2, 2, {.kernel_height = 5}, 1}));
    CHECK(refused({4, 4, 2, 2, {.kernel_width = 3, .dilation_width = 2}, 1}));
    CHECK(refused({4, 4, 2, 2, {.stride_height = 0}, 1}));
    CHECK(refused({4, 4, 2, 2, {.pad_left = -1}, 1}));
    CHECK_FALSE(refused({4, 4, 2, 2, {.kernel_height = 5, .pad_bottom = 1}, 1}));
}
