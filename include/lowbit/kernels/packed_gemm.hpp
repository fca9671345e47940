// SPDX-License-Identifier: Apache-2.0
/// @file
/// How weights are laid out for the matrix kernels, and the packing. Internal to kernels/linear.hpp and conv2d.hpp.
///
/// Why packing: a micro-kernel multiplies a few rows of x with a panel of up to 64 output channels and wants the
/// weights of one step, 4 bytes of each channel, side by side. So a panel is [step][channel][4 bytes], preceded by the
/// constants of its channels: what every accumulator starts from (bias − Z_x·Σw), the multipliers in the form that the
/// vector code uses, the clamps.
///
/// A step is four codes (x as uint8, w as int8) for the instruction sets with VPDPBUSD, else two of int16, which x is
/// widened to beforehand: x − Z_x and w − Z_w fit, and VPMADDWD multiplies them without ever saturating.
///
/// The sum of a convolution runs over taps (the positions under the window) and, inside, over a segment: the
/// consecutive bytes of x there, padded to whole steps by weights of zero.
#pragma once

#include <lowbit/kernels/layer.hpp>

#include <cstring>

namespace lowbit::detail {

/// The widths of panels, widest first, and the rows of a tile at each: what the registers hold.
struct gemm_geometry {
    int widths[3] = {};
    int rows[3] = {};
    bool quads = false;  ///< steps of four bytes, else of two int16

    /// Which of the widths; the first, where two are the same.
    constexpr int kind_of(int width) const { return width == widths[0] ? 0 : width == widths[1] ? 1 : 2; }
};

constexpr gemm_geometry geometry_of(isa set) {
    switch (set) {
        case isa::avx2:
            return {{16, 8, 8}, {6, 6, 6}, false};
        case isa::avx_vnni:
            return {{16, 8, 8}, {6, 6, 6}, true};
        case isa::avx512:
            return {{64, 32, 16}, {6, 12, 12}, false};
        case isa::avx512_vnni:
            return {{64, 32, 16}, {7, 12, 12}, true};
        default:
            return {{16, 16, 16}, {4, 4, 4}, false};
    }
}
inline constexpr int max_tile_rows = 12, max_panel_width = 64;

constexpr std::ptrdiff_t align64(std::ptrdiff_t bytes) { return (bytes + 63) / 64 * 64; }

/// The constants of a panel of Width channels. Arrays of int32 and float are in the order of the registers (see
/// `slot_of`), the codes in the order of the channels.
template <int Width>
struct alignas(64) panel_constants {
    std::int32_t start[Width];       ///< of the accumulators
    std::int32_t m0[Width];          ///< multiplier
    std::int32_t shift[Width];       ///< of the multiplier; the vector code uses the four below instead
    std::int32_t bound[Width];       ///< accumulators beyond ±bound saturate every output anyway
    std::int32_t left[Width];        ///< shift before the product
    std::int32_t base[Width];        ///< added to the high half of the product
    std::int32_t right[Width];       ///< shift after the product
    std::int32_t offset[Width];      ///< output zero point less the lowest code
    std::int32_t minus_zero[Width];  ///< −Z_w
    float scale[Width];              ///< of float outputs
    std::uint8_t lowest[Width];      ///< code, as a byte
    std::uint8_t span[Width];        ///< from the lowest code to the highest
};

constexpr std::ptrdiff_t constants_bytes(int width) { return align64(width * 42); }
static_assert(sizeof(panel_constants<64>) == constants_bytes(64) && sizeof(panel_constants<8>) == constants_bytes(8));

/// Where a channel's accumulator sits in its panel. Registers of `lanes` int32 are packed to bytes by instructions that
/// work within 128 bits, so that byte outputs come out in order if channel 4·(n·q + v) + i, of n registers, is in
/// register v, lane 4q + i.
constexpr int slot_of(int channel, int width, int lanes, bool bytes_out) {
    if (!bytes_out || width <= lanes) return channel;
    const int registers = width / lanes;
    return channel / 4 % registers * lanes + channel / (4 * registers) * 4 + channel % 4;
}
constexpr int lanes_of(isa set) {
    return set == isa::avx512 || set == isa::avx512_vnni ? 16 : set == isa::scalar ? 16 : 8;
}

/// The head of packed weights: everything a run needs to know. The panels follow, group by group.
struct gemm_header {
    conv2d_shape shape;     ///< a linear layer is a 1x1 convolution of a 1-pixel image
    conv2d_shape seen;      ///< by the kernel: the same, or (`padded`) with the padding as part of the image
    isa set = isa::scalar;  ///< the instruction set that it is packed for
    gemm_geometry geometry = geometry_of(isa::scalar);  ///< its panels and tiles
    bool wide = false;                                  ///< accumulators of 64 bits
    code_type input = code_type::s8, output = code_type::s8;
    requant_rounding rounding = requant_rounding::single;
    bool simple = false;            ///< the output stage of every channel is (see `channel_stage`)
    bool has_weight_zeros = false;  ///< the sums of x are needed (steps of four bytes only)
    bool has_skips = false;         ///< the table of skipped taps is there
    bool padded = false;            ///< runs copy the image, borders included: short segments make borders dear
    bool direct = false;            ///< 1x1, stride 1, no padding: the rows of x are those of y
    std::int32_t input_zero = 0;    ///< as given
    std::int32_t eff_zero = 0;      ///< of x as the kernel sees it: as uint8, or 0 where x was widened
    std::ptrdiff_t element = 1;     ///< bytes of an x as the kernel sees it
    std::ptrdiff_t tap_rows = 1, tap_columns = 1;
    std::ptrdiff_t segment = 0;                                           ///< bytes of x at one tap
    std::ptrdiff_t steps = 0;                                             ///< ⌈segment/4⌉
    std::ptrdiff_t group_bytes = 0, panels = 0, zero_row = 0, bytes = 0;  ///< sizes and offsets from the header
    std::ptrdiff_t group_panels = 0;                                      ///< how many

    /// The kernel sees a copy of the images, in the workspace.
    bool copies() const { return padded || element == 2; }
    /// A product of matrices whose rows are whole steps, read where they are.
    bool plain() const { return direct && !copies() && segment == 4 * steps && shape.groups == 1; }
    std::ptrdiff_t taps() const { return tap_rows * tap_columns; }
    std::ptrdiff_t skip_bytes(int width) const { return has_skips ? align64(taps() * width * 4) : 0; }
    std::ptrdiff_t panel_bytes(int width) const {
        return align64(constants_bytes(width) + skip_bytes(width) + taps() * steps * width * 4);
    }
    /// The width of the panel that starts where `columns` channels of a group are left.
    int panel_width(std::ptrdiff_t columns) const {
        const std::ptrdiff_t narrowest = geometry.widths[2], rounded = (columns + narrowest - 1) & -narrowest;
        for (const int width : geometry.widths) {
            if (width <= rounded) return width;
        }
        return geometry.widths[2];
    }
    const std::uint8_t* base() const { return reinterpret_cast<const std::uint8_t*>(this); }
};

/// The padding as part of the image.
constexpr conv2d_shape with_padding(conv2d_shape s) {
    window2d& w = s.window;
    s.height += w.pad_top + w.pad_bottom;
    s.width += w.pad_left + w.pad_right;
    w.pad_top = w.pad_bottom = w.pad_left = w.pad_right = 0;
    return s;
}

/// A multiplier in the form of the vector code, for outputs of 8 bits: the product's high half, rounded and shifted.
///
/// single: with n = 31 − shift ≥ 33, ⌊(x·m0 + 2^(n−1)) / 2^n⌋ = (high32(x·m0) + 2^(n−33)) >> (n−32), as the low half
/// cannot carry. A larger factor is brought to n = 33 by shifting x first, which is exact after clamping x to ±2^17:
/// beyond that, a factor of 2^-2 and more saturates every 8-bit output. So factors past 2^10 are all alike.
/// tflite_double: x is shifted left by what is positive of the shift; right is what is negative of it.
struct vector_multiplier {
    std::int32_t m0 = 0, bound = std::numeric_limits<std::int32_t>::max(), left = 0, round = 0, right = 0;

    constexpr vector_multiplier(multiplier m, requant_rounding rounding) : m0(m.m0) {
        constexpr std::int32_t saturating = 1 << 17;
        if (m0 == 0) return;
        if (m.shift > 11) m = {m0 = 1 << 30, 11};
        if (rounding == requant_rounding::tflite_double) {
            left = m.shift > 0 ? m.shift : 0;
            right = m.shift < 0 ? -m.shift : 0;
            if (right > 31) m0 = right = 0;
            if (right == 0) bound = saturating;
            return;
        }
        const int n = 31 - m.shift;
        if (n > 62) {
            m0 = 0;
        } else if (n < 33) {
            left = 33 - n, bound = saturating, round = 1, right = 1;
        } else {
            round = static_cast<std::int32_t>(std::uint32_t{1} << (n - 33));
            right = n - 32;
        }
    }
};

/// What becomes of a channel's accumulator, for outputs of 8 bits: lowest + clamp(rescale(acc) + offset, 0, span).
/// Where the stage is simple, that is ((high32(acc·m0) + base) >> right) and saturating to uint8: the rounding and the
/// offset are added at once, which needs one rounding, no shift to the left, and room: |high32| ≤ 2^30.
struct channel_stage {
    vector_multiplier factor;
    std::int32_t offset, lowest, span;
    std::int64_t base;

    constexpr channel_stage(const output_stage& stage, code_type out, std::ptrdiff_t channel)
        : factor(at_channel(stage.multipliers, channel), stage.rounding) {
        const code_range range = at_channel(stage.clamp, channel);
        const auto code = [out](std::int32_t x) {
            return x < lowest_code(out) ? lowest_code(out) : x > highest_code(out) ? highest_code(out) : x;
        };
        lowest = code(range.lowest);
        span = code(range.highest) - lowest;
        offset = stage.zero_point - lowest;
        base = factor.round + offset * (std::int64_t{1} << factor.right);
    }
    constexpr bool simple() const { return factor.left == 0 && -(1 << 30) < base && base < 1 << 30; }
};

/// Whether the output stage of every channel is simple.
constexpr bool is_simple(const output_stage& stage, code_type out, std::ptrdiff_t channels) {
    bool simple = is_byte(out) && stage.rounding == requant_rounding::single;
    for (std::ptrdiff_t c = 0; c < channels && simple; ++c) simple = channel_stage(stage, out, c).simple();
    return simple;
}

/// Lays out the header for a checked layer; no weights are read but for the safe depth.
inline gemm_header plan_gemm(const conv2d_shape& shape, const integer_layer& layer, isa set) {
    gemm_header h;
    h.shape = shape;
    h.input = layer.input_type;
    h.output = layer.output_type;
    h.rounding = layer.output.rounding;
    h.input_zero = layer.input_zero_point;
    const std::ptrdiff_t depth = shape.depth();
    for (std::ptrdiff_t c = 0; c < shape.out_channels && !h.wide; ++c) h.wide = !fits_int32(layer, c, c * depth, depth);
    h.set = h.wide ? isa::scalar : set;
    h.geometry = geometry_of(h.set);

    const bool quads = h.geometry.quads;
    h.element = quads ? 1 : 2;
    h.eff_zero = quads ? layer.input_zero_point + (h.input == code_type::s8 ? 128 : 0) : 0;
    const window2d& w = shape.window;
    h.tap_rows = w.kernel_height;
    h.tap_columns = w.kernel_width;
    h.segment = shape.group_channels() * h.element;
    const bool has_padding = (w.pad_top | w.pad_bottom | w.pad_left | w.pad_right) != 0;
    // Few channels: the taps of a line are one segment, rather than each filled up to whole steps.
    const bool joined = h.segment % 4 != 0 && w.kernel_width > 1 && w.dilation_width == 1 && shape.groups == 1 &&
                        w.kernel_width * h.segment <= 64;
    h.padded = joined || (has_padding && h.segment <= 32);
    h.seen = h.padded ? with_padding(shape) : shape;
    if (joined) {
        h.segment *= w.kernel_width;
        h.tap_columns = 1;
    }
    h.steps = (h.segment + 3) / 4;
    h.direct = h.taps() == 1 && w.stride_height == 1 && w.stride_width == 1 && !has_padding && !joined;
    h.simple = is_simple(layer.output, h.output, shape.out_channels);
    if (quads) {
        const std::int32_t offset = layer.weight_type == code_type::u8 ? 128 : 0;
        for (const std::int32_t zero : layer.weight_zero_points) h.has_weight_zeros |= zero != offset;
        h.has_weight_zeros |= layer.weight_zero_points.empty() && offset != 0;
        h.has_skips = h.eff_zero != 0 && has_padding && !h.padded;
    }

    h.panels = align64(static_cast<std::ptrdiff_t>(sizeof(gemm_header)));
    for (std::ptrdiff_t left = shape.out_channels / shape.groups; left > 0; left -= h.panel_width(left)) {
        h.group_bytes += h.panel_bytes(h.panel_width(left));
        ++h.group_panels;
    }
    h.zero_row = h.panels + shape.groups * h.group_bytes;
    h.bytes = align64(h.zero_row + h.segment + 4);
    return h;
}

/// Fills the constants of a panel whose first channel is `first`, of `columns` channels; `bytes_out` as for `slot_of`.
template <int Width>
void pack_constants(const gemm_header& h, const integer_layer& layer, std::ptrdiff_t first, int columns,
                    const std::int64_t* start, bool bytes_out, panel_constants<Width>& p) {
    std::memset(&p, 0, sizeof p);
    for (int c = 0; c < columns; ++c) {
        const int slot = slot_of(c, Width, lanes_of(h.set), bytes_out);
        const std::ptrdiff_t channel = first + c;
        p.start[slot] = static_cast<std::int32_t>(start[c]);
        if (h.output == code_type::f32) p.scale[slot] = at_channel(layer.output.scales, channel);
        if (h.has_weight_zeros) {
            const std::int32_t zero = at_channel(layer.weight_zero_points, channel);
            p.minus_zero[slot] = (layer.weight_type == code_type::u8 ? 128 : 0) - zero;
        }
        if (!is_byte(h.output)) continue;
        const channel_stage stage(layer.output, h.output, channel);
        const multiplier m = at_channel(layer.output.multipliers, channel);
        p.m0[slot] = h.set == isa::scalar ? m.m0 : stage.factor.m0;
        p.shift[slot] = m.shift;
        p.bound[slot] = stage.factor.bound;
        p.left[slot] = stage.factor.left;
        p.base[slot] = static_cast<std::int32_t>(stage.base);
        p.right[slot] = stage.factor.right;
        p.offset[slot] = stage.offset;
        p.lowest[c] = static_cast<std::uint8_t>(stage.lowest);
        p.span[c] = static_cast<std::uint8_t>(stage.span);
    }
}

/// Writes one panel: constants, the table of skipped taps, weights.
template <int Width>
void pack_panel(const gemm_header& h, const integer_layer& layer, std::ptrdiff_t first, int columns, std::uint8_t* to) {
    const std::ptrdiff_t channel_weights = h.shape.depth();
    const std::ptrdiff_t per_tap = h.segment / h.element, per_step = 4 / h.element;
    std::uint8_t* const weights = to + constants_bytes(Width) + h.skip_bytes(Width);
    std::memset(to, 0, static_cast<std::size_t>(h.panel_bytes(Width)));
    auto* const skips = reinterpret_cast<std::int32_t*>(to + constants_bytes(Width));
    std::int64_t start[Width] = {};
    for (int c = 0; c < columns; ++c) {
        const std::ptrdiff_t channel = first + c;
        const int slot = slot_of(c, Width, lanes_of(h.set), is_byte(h.output));
        const std::int32_t offset = !h.geometry.quads                    ? at_channel(layer.weight_zero_points, channel)
                                    : layer.weight_type == code_type::u8 ? 128
                                                                         : 0;
        start[c] = at_channel(layer.output.bias, channel);
        for (std::ptrdiff_t tap = 0; tap < h.taps(); ++tap) {
            std::int64_t sum = 0;
            for (std::ptrdiff_t k = 0; k < per_tap; ++k) {
                const std::int32_t w = weight_at(layer, channel * channel_weights + tap * per_tap + k) - offset;
                std::uint8_t* at =
                    weights + ((tap * h.steps + k / per_step) * Width + slot) * 4 + k % per_step * h.element;
                const auto narrow = static_cast<std::int16_t>(w);
                if (h.element == 1)
                    *at = static_cast<std::uint8_t>(narrow);
                else
                    std::memcpy(at, &narrow, 2);
                sum += w;
            }
            start[c] -= h.eff_zero * sum;
            if (h.has_skips) skips[tap * Width + slot] = static_cast<std::int32_t>(h.eff_zero * sum);
        }
    }
    pack_constants<Width>(h, layer, first, columns, start, is_byte(h.output),
                          *reinterpret_cast<panel_constants<Width>*>(to));
}

/// Packs a checked layer as planned.
inline void pack_gemm(const gemm_header& h, const integer_layer& layer, void* memory) {
    std::memcpy(memory, &h, sizeof h);
    auto* const base = static_cast<std::uint8_t*>(memory);
    std::uint8_t* to = base + h.panels;
    const std::ptrdiff_t group_out = h.shape.out_channels / h.shape.groups;
    for (std::ptrdiff_t first = 0; first < h.shape.out_channels;) {
        const std::ptrdiff_t left = group_out - first % group_out;
        const int width = h.panel_width(left);
        const int columns = left < width ? static_cast<int>(left) : width;
        if (width == 64)
            pack_panel<64>(h, layer, first, columns, to);
        else if (width == 32)
            pack_panel<32>(h, layer, first, columns, to);
        else if (width == 16)
            pack_panel<16>(h, layer, first, columns, to);
        else
            pack_panel<8>(h, layer, first, columns, to);
        to += h.panel_bytes(width);
        first += columns;
    }
    const std::int32_t fill = h.element == 1 ? h.input_zero : 0;
    std::memset(base + h.zero_row, fill, static_cast<std::size_t>(h.segment + 4));
}

}  // namespace lowbit::detail
