// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/layer.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using lowbit::code_type;
using lowbit::integer_layer;
using lowbit::pack_error;

namespace {

const std::vector<lowbit::multiplier> multipliers{{1 << 30, 0}, {0, 0}};

integer_layer good() { return {.output = {.multipliers = multipliers}}; }

void refused(const integer_layer& layer, pack_error error, std::ptrdiff_t channel = -1) {
    const lowbit::pack_status status = lowbit::detail::check_layer(layer, 2);
    CHECK_FALSE(bool(status));
    CHECK(status.error == error);
    CHECK(status.channel == channel);
    CHECK_FALSE(std::string(to_string(error)).empty());
}

}  // namespace

TEST_CASE("a layer that fits is accepted") {
    CHECK(bool(lowbit::detail::check_layer(good(), 2)));
    integer_layer raw;
    raw.output_type = code_type::s32;
    CHECK(bool(lowbit::detail::check_layer(raw, 2)));
}

TEST_CASE("each mistake has its name, and its channel") {
    const std::vector<std::int32_t> one_bias{1}, zero_points{0, 128};
    const std::vector<lowbit::multiplier> small{{1 << 30, 0}, {(1 << 30) - 1, 0}};
    const std::vector<lowbit::code_range> empty_clamp{{0, 5}, {6, 5}};

    integer_layer layer = good();
    layer.weight_type = code_type::s32;
    refused(layer, pack_error::weight_type);
    layer = good();
    layer.input_type = code_type::f32;
    refused(layer, pack_error::input_type);
    layer = good();
    layer.input_zero_point = 128;
    refused(layer, pack_error::input_zero_point);
    layer = good();
    layer.output_type = code_type::s4;
    refused(layer, pack_error::output_type);
    layer = good();
    layer.output.zero_point = -129;
    refused(layer, pack_error::output_zero_point);
    layer = good();
    layer.weight_zero_points = zero_points;
    refused(layer, pack_error::weight_zero_point, 1);
    layer = good();
    layer.output.bias = one_bias;
    refused(layer, pack_error::bias);
    layer = good();
    layer.output.multipliers = {};
    refused(layer, pack_error::multiplier);
    layer.output.multipliers = small;
    refused(layer, pack_error::multiplier, 1);
    layer = good();
    layer.output_type = code_type::f32;
    refused(layer, pack_error::scale);
    layer = good();
    layer.output.clamp = empty_clamp;
    refused(layer, pack_error::clamp, 1);
}

TEST_CASE("code types of C++ types") {
    static_assert(lowbit::code_type_of<std::int8_t> == code_type::s8);
    static_assert(lowbit::code_type_of<std::uint8_t> == code_type::u8);
    static_assert(lowbit::code_type_of<std::int32_t> == code_type::s32);
    static_assert(lowbit::code_type_of<float> == code_type::f32);
    CHECK(std::string(to_string(pack_error::none)) == "no error");
}

TEST_CASE("weights of 4 bits: two a byte, the first in the low bits") {
    const std::uint8_t bytes[] = {0x8f, 0x71};
    integer_layer layer = good();
    layer.weights = bytes;
    layer.weight_type = code_type::s4;
    CHECK(lowbit::detail::weight_at(layer, 0) == -1);
    CHECK(lowbit::detail::weight_at(layer, 1) == -8);
    CHECK(lowbit::detail::weight_at(layer, 2) == 1);
    CHECK(lowbit::detail::weight_at(layer, 3) == 7);
}
