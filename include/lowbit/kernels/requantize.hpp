// SPDX-License-Identifier: Apache-2.0
/// @file
/// From int32 accumulators back to 8-bit codes with integers only: M = m0·2^(shift−31).
///
/// A real factor M (say S_x·S_w/S_y = 0.2) is kept as M0·2^-n with M0 in [0.5, 1): 0.2 = 0.8·2^-2, so that
/// m0 = round(0.8·2^31) = 1717986918 and shift = −2. An accumulator of 1000 then becomes
///
///     (1000·1717986918 + 2^32) >> 33 = 200.
///
/// Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
/// Inference" (2018), section 2.2; the two roundings are TensorFlow Lite's.
/// No floating-point instruction is executed here: the file builds with -mgeneral-regs-only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lowbit {

/// The factor m0·2^(shift−31); m0 is in [2^30, 2^31), or 0 for the factor 0. The textbook's n is −shift.
struct multiplier {
    std::int32_t m0 = 0;
    int shift = 0;

    constexpr bool operator==(const multiplier&) const = default;
};

/// The multiplier nearest to a factor ≥ 0: a 31-bit mantissa, halves rounded up. Factors below 2^-32 give 0, as
/// TensorFlow Lite's QuantizeMultiplier does. The double is only taken apart, never computed with.
/// Precondition: finite, not negative (a NaN, an infinity or a negative number gives 0).
constexpr multiplier make_multiplier(double factor) {
    const auto bits = std::bit_cast<std::uint64_t>(factor);
    const int biased = static_cast<int>(bits >> 52);  // with the sign in front: ≥ 0x7ff is not a finite factor
    if (biased == 0 || biased >= 0x7ff) return {};
    const std::uint64_t mantissa = (bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{1} << 52;  // [2^52, 2^53)
    std::uint64_t m0 = (mantissa + (std::uint64_t{1} << 21)) >> 22;                                   // [2^30, 2^31]
    int shift = biased - 1022;
    if (m0 == std::uint64_t{1} << 31) {
        m0 >>= 1;
        ++shift;
    }
    if (shift < -31) return {};
    return {static_cast<std::int32_t>(m0), shift};
}

/// How acc·M becomes an integer.
enum class requant_rounding : std::uint8_t {
    single,         ///< once, halves toward +infinity: floor(acc·M + 1/2)
    tflite_double,  ///< twice: acc·m0/2^31 with halves toward +infinity, then the shift with halves away from zero
};

namespace detail {

__extension__ using int128 = __int128;

/// `product`·2^(shift−31), rounded. |product| < 2^62 for an int64, 2^94 for an int128.
template <requant_rounding R, class Wide>
constexpr std::int32_t scale_product(Wide product, int shift) {
    constexpr Wide lowest = std::numeric_limits<std::int32_t>::min(),
                   highest = std::numeric_limits<std::int32_t>::max();
    constexpr int widest = static_cast<int>(8 * sizeof(Wide)) - 2;  // a shift that leaves nothing of any product
    Wide result = 0;
    if (R == requant_rounding::tflite_double && shift < 0) {
        const Wide high = (product + (Wide{1} << 30)) >> 31;
        const int right = -shift < widest ? -shift : widest;
        const Wide mask = (Wide{1} << right) - 1;
        const Wide threshold = (mask >> 1) + (high < 0 ? 1 : 0);
        result = (high >> right) + ((high & mask) > threshold ? 1 : 0);
    } else if (shift < 31) {
        const int right = 31 - shift < widest ? 31 - shift : widest;
        result = (product + (Wide{1} << (right - 1))) >> right;
    } else {
        // A factor of 2^30 and more: whatever is past 2^31 saturates wherever it is shifted.
        const int left = shift - 31 < 31 ? shift - 31 : 31;
        const Wide bound = Wide{1} << 31;
        result = (product < -bound ? -bound : product > bound ? bound : product) * (Wide{1} << left);
    }
    return static_cast<std::int32_t>(result < lowest ? lowest : result > highest ? highest : result);
}

}  // namespace detail

/// acc·M rounded to an integer, saturated where that leaves int32. Defined for every acc and every shift.
template <requant_rounding R = requant_rounding::single>
constexpr std::int32_t rescale(std::int32_t acc, multiplier factor) {
    return detail::scale_product<R>(std::int64_t{acc} * factor.m0, factor.shift);
}

/// The same for an accumulator of 64 bits, exact as well.
template <requant_rounding R = requant_rounding::single>
constexpr std::int32_t rescale(std::int64_t acc, multiplier factor) {
    return detail::scale_product<R>(detail::int128{acc} * factor.m0, factor.shift);
}

/// The codes that an output may take: all of its type, or less (a fused ReLU or ReLU6).
struct code_range {
    std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
    std::int32_t highest = std::numeric_limits<std::int32_t>::max();
};

/// What turns accumulators into outputs: y = clamp(zero_point + rescale(acc + bias[c], multipliers[c])).
///
/// The spans borrow: packing copies what it needs. Outputs of int32 are acc + bias; outputs of float are
/// scales[c]·(acc + bias).
struct output_stage {
    std::span<const std::int32_t> bias = {};       ///< empty (none), or one per output channel
    std::span<const multiplier> multipliers = {};  ///< one, or one per output channel
    std::int32_t zero_point = 0;                   ///< of the output
    std::span<const code_range> clamp = {};        ///< empty (the type's range), one, or one per output channel
    requant_rounding rounding = requant_rounding::single;
    std::span<const float> scales = {};  ///< float outputs only: one, or one per output channel
};

namespace detail {

/// Element c of a span with one element for all channels or one for each; `otherwise` where it is empty.
template <class T>
constexpr T at_channel(std::span<const T> values, std::ptrdiff_t channel, T otherwise = {}) {
    if (values.empty()) return otherwise;
    return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

/// The value in the range that the type and the clamp share.
template <class Y>
constexpr Y clamp_code(std::int64_t value, code_range clamp = {}) {
    constexpr std::int64_t type_lowest = std::numeric_limits<Y>::min(), type_highest = std::numeric_limits<Y>::max();
    const std::int64_t lowest = clamp.lowest > type_lowest ? clamp.lowest : type_lowest;
    const std::int64_t highest = clamp.highest < type_highest ? clamp.highest : type_highest;
    return static_cast<Y>(value > highest ? highest : value < lowest ? lowest : value);
}

constexpr std::int32_t rescale_by(requant_rounding rounding, std::int64_t acc, multiplier factor) {
    return rounding == requant_rounding::single ? rescale<requant_rounding::single>(acc, factor)
                                                : rescale<requant_rounding::tflite_double>(acc, factor);
}

}  // namespace detail

/// The output stage, for one accumulator of one channel, the bias not yet in it. Y: int8, uint8, int32 or float.
/// Normative: every kernel gives these bits.
template <class Y>
constexpr Y apply_stage(const output_stage& stage, std::int64_t acc, std::ptrdiff_t channel) {
    const std::int64_t sum = acc + detail::at_channel(stage.bias, channel);
    if constexpr (std::numeric_limits<Y>::is_integer && sizeof(Y) == 1) {
        const std::int32_t scaled =
            detail::rescale_by(stage.rounding, sum, detail::at_channel(stage.multipliers, channel));
        return detail::clamp_code<Y>(std::int64_t{scaled} + stage.zero_point, detail::at_channel(stage.clamp, channel));
    } else if constexpr (std::numeric_limits<Y>::is_integer) {
        return detail::clamp_code<Y>(sum);
    } else {
        return static_cast<float>(sum) * detail::at_channel(stage.scales, channel);
    }
}

}  // namespace lowbit
