// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/depthwise.hpp>
#include <lowbit/kernels/reference.hpp>
#include <tests/kernels/layers.hpp>

#include <catch2/catch.hpp>

using lowbit::isa;

namespace {

template <class X, class W, class Y>
void compare_depthwise(unsigned seed) {
    layers::source random(seed);
    lowbit::window2d window;
    window.kernel_height = window.kernel_width = random.chance(40) ? 3 : random.chance(40) ? 5 : random.between(1, 6);
    if (random.chance(15)) window.kernel_width = random.between(1, 7);
    window.stride_height = window.stride_width = random.chance(80) ? random.between(1, 2) : 3;
    if (random.chance(10)) window.dilation_height = window.dilation_width = 2;
    for (auto* pad : {&window.pad_top, &window.pad_bottom, &window.pad_left, &window.pad_right})
        *pad = random.chance(70) ? window.kernel_width / 2 : random.between(0, 3);
    const lowbit::depthwise_shape shape{random.between(1, 19), random.between(1, 19),
                                        random.chance(50) ? random.between(1, 20) : random.between(1, 150), window,
                                        random.chance(75) ? 1 : random.between(2, 4)};
    if (!valid(shape)) return;
    const std::ptrdiff_t batch = random.between(1, 2),
                         pixels = shape.as_conv2d().out_height() * shape.as_conv2d().out_width();
    const bool extreme = random.chance(10);
    const auto x = random.codes<X>(batch * shape.height * shape.width * shape.channels, extreme);
    const auto w = random.codes<W>(shape.out_channels() * window.kernel_height * window.kernel_width, extreme);
    const layers::stage stage(random, shape.out_channels(), window.kernel_height * window.kernel_width, Y{},
                              std::is_same_v<W, std::uint8_t>, random.chance(40));
    const lowbit::integer_layer layer{
        .weights = w.data(),
        .weight_type = lowbit::code_type_of<W>,
        .weight_zero_points = stage.weight_zeros,
        .input_type = lowbit::code_type_of<X>,
        .input_zero_point = random.int32(std::numeric_limits<X>::min(), std::numeric_limits<X>::max()),
        .output_type = lowbit::code_type_of<Y>,
        .output = stage.view};
    std::vector<Y> expected(static_cast<std::size_t>(batch * pixels * shape.out_channels())), y(expected.size() + 1);
    lowbit::reference::depthwise(batch, shape, x.data(), layer.input_zero_point, w.data(), layer.weight_zero_points,
                                 layer.output, expected.data());
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_depthwise_bytes(shape, layer, set));
        REQUIRE(lowbit::pack_depthwise(shape, layer, memory.data(), set));
        const lowbit::packed_depthwise packed(memory.data());
        layers::memory workspace(lowbit::depthwise_workspace_bytes(packed, batch));
        std::fill(y.begin(), y.end(), Y(77));
        REQUIRE(lowbit::depthwise(packed, batch, x.data(), y.data(), workspace.data()));
        INFO(to_string(set) << ", seed " << seed << ": " << batch << " x [" << shape.height << ", " << shape.width
                            << ", " << shape.channels << "] x " << shape.multiplier << ", window "
                            << window.kernel_height << " x " << window.kernel_width << ", stride "
                            << window.stride_height << ", pads " << window.pad_top << " " << window.pad_bottom << " "
                            << window.pad_left << " " << window.pad_right);
        REQUIRE(std::equal(expected.begin(), expected.end(), y.begin()));
        REQUIRE(y.back() == Y(77));
    }
}

}  // namespace

TEST_CASE("depthwise: every instruction set gives the bits of the reference") {
    for (unsigned seed = 0; seed < 150; ++seed) {
        compare_depthwise<std::int8_t, std::int8_t, std::int8_t>(seed);
        compare_depthwise<std::uint8_t, std::int8_t, std::uint8_t>(seed);
        compare_depthwise<std::int8_t, std::uint8_t, std::uint8_t>(seed);
        compare_depthwise<std::uint8_t, std::int8_t, std::int32_t>(seed);
        compare_depthwise<std::int8_t, std::int8_t, float>(seed);
    }
}
