// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a linear or convolution kernel is packed from, and what can be wrong with it.
#pragma once

#include <lowbit/core/cpu.hpp>
#include <lowbit/kernels/requantize.hpp>
#include <lowbit/kernels/shape.hpp>

#include <type_traits>

namespace lowbit {

/// What the codes and results of a layer are stored as.
enum class code_type : std::uint8_t {
    s4,   ///< weights only: two's complement, two codes a byte, the first in the low bits, no gaps between rows
    s8,   ///< int8
    u8,   ///< uint8
    s32,  ///< outputs only: accumulator plus bias
    f32,  ///< outputs only: scale·(accumulator plus bias)
};

/// The code_type of a C++ type.
template <class T>
inline constexpr code_type code_type_of = std::is_same_v<T, std::int8_t>    ? code_type::s8
                                          : std::is_same_v<T, std::uint8_t> ? code_type::u8
                                          : std::is_same_v<T, std::int32_t> ? code_type::s32
                                                                            : code_type::f32;

/// A layer before packing. Everything is borrowed for the time of the packing only.
struct integer_layer {
    const void* weights = nullptr;                          ///< codes, output channel first
    code_type weight_type = code_type::s8;                  ///< s4, s8 or u8
    std::span<const std::int32_t> weight_zero_points = {};  ///< empty (zero), one, or one per output channel
    code_type input_type = code_type::s8;                   ///< s8 or u8
    std::int32_t input_zero_point = 0;
    code_type output_type = code_type::s8;  ///< s8, u8, s32 or f32
    output_stage output = {};
};

/// Why a layer could not be packed. Nothing was written then.
enum class pack_error : std::uint8_t {
    none,
    shape,              ///< not `valid`
    memory,             ///< null, or not aligned to 64 bytes
    weight_type,        ///< not s4, s8 or u8
    input_type,         ///< not s8 or u8
    input_zero_point,   ///< outside the input's type
    output_type,        ///< s4
    output_zero_point,  ///< outside the output's type
    weight_zero_point,  ///< `channel`'s is outside the weights' type, or there are neither 0, 1 nor out of them
    bias,               ///< neither none nor one per output channel
    multiplier,         ///< `channel`'s is not in [2^30, 2^31) or 0, or there are neither 1 nor out of them
    scale,              ///< neither 1 nor out of them
    clamp,              ///< `channel`'s is empty, or there are neither 0, 1 nor out of them
};

/// What the error means, for a message.
constexpr const char* to_string(pack_error error) {
    switch (error) {
        case pack_error::none:
            return "no error";
        case pack_error::shape:
            return "the shape has an extent, stride, dilation or group that is not positive or "
                   "does not divide, or a window larger than the padded image";
        case pack_error::memory:
            return "the memory for the packed weights is null or not aligned to 64 bytes";
        case pack_error::weight_type:
            return "weights must be s4, s8 or u8";
        case pack_error::input_type:
            return "inputs must be s8 or u8";
        case pack_error::input_zero_point:
            return "the input's zero point is outside its type";
        case pack_error::output_type:
            return "outputs must be s8, u8, s32 or f32";
        case pack_error::output_zero_point:
            return "the output's zero point is outside its type";
        case pack_error::weight_zero_point:
            return "a weight zero point is outside the weights' type, or their number "
                   "is not 0, 1 or the number of output channels";
        case pack_error::bias:
            return "there must be no bias or one per output channel";
        case pack_error::multiplier:
            return "m0 must be 0 or in [2^30, 2^31), and there must be 1 multiplier or one per "
                   "output channel";
        case pack_error::scale:
            return "float outputs need 1 scale or one per output channel";
        case pack_error::clamp:
            return "a clamp leaves no code, or their number is not 0, 1 or the number of output "
                   "channels";
    }
    return "";
}

/// The outcome of a check: an error and, where one channel is to blame, which.
struct pack_status {
    pack_error error = pack_error::none;
    std::ptrdiff_t channel = -1;

    constexpr explicit operator bool() const { return error == pack_error::none; }
};

namespace detail {

constexpr std::int32_t lowest_code(code_type type) {
    return type == code_type::s4 ? -8 : type == code_type::u8 ? 0 : -128;
}
constexpr std::int32_t highest_code(code_type type) {
    return type == code_type::s4 ? 7 : type == code_type::u8 ? 255 : 127;
}
constexpr bool fits(code_type type, std::int32_t code) {
    return lowest_code(type) <= code && code <= highest_code(type);
}
constexpr bool is_byte(code_type type) { return type == code_type::s8 || type == code_type::u8; }
constexpr std::ptrdiff_t bytes_of(code_type type) { return is_byte(type) ? 1 : 4; }

/// The weight at a flat index.
inline std::int32_t weight_at(const integer_layer& layer, std::ptrdiff_t index) {
    const auto* bytes = static_cast<const std::uint8_t*>(layer.weights);
    switch (layer.weight_type) {
        case code_type::s4:
            return ((bytes[index / 2] >> (index % 2 * 4) & 15) ^ 8) - 8;
        case code_type::u8:
            return bytes[index];
        default:
            return static_cast<std::int8_t>(bytes[index]);
    }
}

/// Everything about a layer that does not depend on its shape but for the number of output channels.
inline pack_status check_layer(const integer_layer& layer, std::ptrdiff_t out) {
    const output_stage& stage = layer.output;
    const auto count = static_cast<std::size_t>(out);
    const auto one_or_all = [&](std::size_t size) { return size == 1 || size == count; };
    const auto bad = [](pack_error error, std::ptrdiff_t channel = -1) { return pack_status{error, channel}; };
    if (layer.weight_type != code_type::s4 && !is_byte(layer.weight_type)) return bad(pack_error::weight_type);
    if (!is_byte(layer.input_type)) return bad(pack_error::input_type);
    if (!fits(layer.input_type, layer.input_zero_point)) return bad(pack_error::input_zero_point);
    if (layer.output_type == code_type::s4) return bad(pack_error::output_type);
    if (!layer.weight_zero_points.empty() && !one_or_all(layer.weight_zero_points.size()))
        return bad(pack_error::weight_zero_point);
    for (std::size_t c = 0; c < layer.weight_zero_points.size(); ++c) {
        if (!fits(layer.weight_type, layer.weight_zero_points[c]))
            return bad(pack_error::weight_zero_point, static_cast<std::ptrdiff_t>(c));
    }
    if (!stage.bias.empty() && stage.bias.size() != count) return bad(pack_error::bias);
    if (layer.output_type == code_type::f32 && !one_or_all(stage.scales.size())) return bad(pack_error::scale);
    if (!is_byte(layer.output_type)) return {};
    if (!fits(layer.output_type, stage.zero_point)) return bad(pack_error::output_zero_point);
    if (!one_or_all(stage.multipliers.size())) return bad(pack_error::multiplier);
    for (std::size_t c = 0; c < stage.multipliers.size(); ++c) {
        const std::int32_t m0 = stage.multipliers[c].m0;
        if (m0 != 0 && m0 < 1 << 30) return bad(pack_error::multiplier, static_cast<std::ptrdiff_t>(c));
    }
    if (!stage.clamp.empty() && !one_or_all(stage.clamp.size())) return bad(pack_error::clamp);
    for (std::size_t c = 0; c < stage.clamp.size(); ++c) {
        const code_range range = stage.clamp[c];
        if (range.lowest > range.highest || range.lowest > highest_code(layer.output_type) ||
            range.highest < lowest_code(layer.output_type))
            return bad(pack_error::clamp, static_cast<std::ptrdiff_t>(c));
    }
    return {};
}

/// Whether Σ|w − Z_w|·max|x − Z_x| + |bias| stays below 2^31 for one channel of `depth` weights that start at `first`:
/// then no order of summation in 32 bits can end wrong.
inline bool fits_int32(const integer_layer& layer, std::ptrdiff_t channel, std::ptrdiff_t first, std::ptrdiff_t depth) {
    const std::int32_t zero = at_channel(layer.weight_zero_points, channel);
    std::int64_t sum = 0;
    for (std::ptrdiff_t k = 0; k < depth; ++k) {
        const std::int32_t w = weight_at(layer, first + k) - zero;
        sum += w < 0 ? -w : w;
    }
    const std::int32_t above = highest_code(layer.input_type) - layer.input_zero_point;
    const std::int32_t below = layer.input_zero_point - lowest_code(layer.input_type);
    const std::int64_t bias = layer.output.bias.empty() ? 0 : layer.output.bias[static_cast<std::size_t>(channel)];
    return sum * (above > below ? above : below) + (bias < 0 ? -bias : bias) < std::int64_t{1} << 31;
}

}  // namespace detail
}  // namespace lowbit
