// SPDX-License-Identifier: Apache-2.0
/// @file
/// How the weights of a depthwise convolution are laid out for the vector kernels, and what these are asked to do.
/// Internal to kernels/depthwise.hpp.
///
/// Four bytes that VPDPBUSD multiplies and sums must lie side by side, but the taps of one channel are far apart. So
/// for each output line, the input lines that it sees are interleaved first: the bytes of up to four lines at a column
/// become one *quad* for each channel. A quad is made once and used by every window that covers its column. Columns and
/// lines beside the image hold Z_x, so that the sums need no borders.
#pragma once

#include <lowbit/kernels/packed_gemm.hpp>

namespace lowbit::detail {

/// Channels of a block: four registers of int32.
constexpr int depthwise_width(isa set) { return 4 * lanes_of(set); }

/// Outputs of a line whose quads are made before they are used: few enough to stay in L1.
inline constexpr std::ptrdiff_t depthwise_strip = 28;

/// The head of packed depthwise weights; blocks of channels follow.
struct depthwise_header {
    gemm_header common;          ///< what linear and conv2d share; where `grouped`, all there is
    bool plain = false;          ///< 8-bit outputs of a simple stage: all in registers
    bool paired = false;         ///< a quad serves two output lines
    bool stride_two = false;     ///< quads are made where they are used, not in the workspace
    bool grouped = false;        ///< as a convolution in groups: the scalar kernel, and what does not fit int8
    std::ptrdiff_t quads = 1;    ///< of a column: ⌈kernel_height/4⌉
    std::ptrdiff_t columns = 0;  ///< that a strip of outputs sees, padding included
    std::ptrdiff_t blocks = 0, block_bytes = 0, first_block = 0, zero_row = 0, bytes = 0;

    depthwise_shape shape() const {
        const conv2d_shape& s = common.shape;
        return {s.height, s.width, s.channels, s.window, s.out_channels / s.channels};
    }
    const std::uint8_t* base() const { return reinterpret_cast<const std::uint8_t*>(this); }
    /// Columns that neighbouring outputs of a line see.
    std::ptrdiff_t columns_of(std::ptrdiff_t outputs) const {
        const window2d& w = common.shape.window;
        return (outputs - 1) * w.stride_width + w.span_width();
    }
    /// Bytes of the interleaved lines of one block.
    std::ptrdiff_t line_bytes() const { return columns * quads * depthwise_width(common.set) * 4; }
};

/// One block of channels of up to four output lines. Where the lines lie close enough (`paired`), the four input lines
/// of a quad serve two output lines: the second one's weights are the first one's moved by a byte. Where the channels
/// fill half a block (`halves`), the other half does the same one or two lines below.
struct depthwise_lines {
    const depthwise_header* header = nullptr;
    const std::uint8_t* block = nullptr;
    const std::uint8_t* image = nullptr;  ///< at the block's first channel
    std::uint8_t* quads = nullptr;        ///< workspace
    std::uint8_t* y[4] = {};  ///< first output of each line, at the block's first channel; null: no such line
    std::ptrdiff_t oy = 0;
    int channels = 0;
    bool halves = false;
};

using depthwise_function = void (*)(const depthwise_lines&);

/// Writes int32 or float outputs of a few pixels from accumulators in the order of the registers; `high` is the line of
/// the upper half of a block, or null.
template <int Width>
void write_words(const gemm_header& h, const panel_constants<Width>& constants, const std::int32_t* rows, int pixels,
                 int channels, std::uint8_t* low, std::uint8_t* high) {
    for (int p = 0; p < pixels; ++p) {
        for (int half = 0; half < 2; ++half) {
            std::uint8_t* const y = half == 0 ? low : high;
            for (int c = 0; c < channels && y != nullptr; ++c) {
                const int slot = slot_of(c + half * Width / 2, Width, Width / 4, true);
                const std::int32_t acc = rows[p * Width + slot];
                const float scaled = static_cast<float>(acc) * constants.scale[slot];
                std::memcpy(y + (p * h.shape.out_channels + c) * 4,
                            h.output == code_type::s32 ? static_cast<const void*>(&acc) : &scaled, 4);
            }
        }
    }
}

/// Whether w − Z_w fits int8 for every weight; then weight zero points cost nothing.
inline bool weights_fit_int8(const integer_layer& layer, std::ptrdiff_t out, std::ptrdiff_t taps) {
    for (std::ptrdiff_t i = 0; i < out * taps; ++i) {
        const std::int32_t w = weight_at(layer, i) - at_channel(layer.weight_zero_points, i / taps);
        if (w < -128 || w > 127) return false;
    }
    return true;
}

inline depthwise_header plan_depthwise(const depthwise_shape& shape, const integer_layer& layer, isa set) {
    depthwise_header h;
    h.common = plan_gemm(shape.as_conv2d(), layer, set);
    const window2d& w = shape.window;
    const std::ptrdiff_t taps = w.kernel_height * w.kernel_width;
    h.grouped = h.common.set == isa::scalar || !weights_fit_int8(layer, shape.out_channels(), taps);
    const std::ptrdiff_t head = align64(static_cast<std::ptrdiff_t>(sizeof(depthwise_header)));
    if (h.grouped) {
        h.first_block = head;
        h.bytes = head + h.common.bytes;
        return h;
    }
    const int width = depthwise_width(set);
    h.common.eff_zero = layer.input_zero_point + (layer.input_type == code_type::s8 ? 128 : 0);
    h.common.has_weight_zeros = false;
    h.quads = (w.kernel_height + 3) / 4;
    h.plain = h.common.simple;
    const std::ptrdiff_t out_width = shape.as_conv2d().out_width();
    const bool three = h.plain && w.kernel_width == 3 && w.kernel_height <= 3 && w.dilation_height == 1 &&
                       w.dilation_width == 1 && w.stride_height == w.stride_width;
    h.paired = three && w.stride_width == 1;
    h.stride_two = three && w.stride_width == 2 && out_width >= 4;
    h.columns = h.columns_of(out_width < depthwise_strip ? out_width : depthwise_strip);
    h.blocks = (shape.out_channels() + width - 1) / width;
    h.block_bytes = constants_bytes(width) + w.kernel_width * h.quads * width * 4;
    h.first_block = head;
    h.zero_row = head + h.blocks * h.block_bytes;
    h.bytes = h.zero_row + align64(shape.width * shape.out_channels() + width);
    return h;
}

template <int Width>
void pack_depthwise_block(const depthwise_header& h, const integer_layer& layer, std::ptrdiff_t first, int columns,
                          std::uint8_t* to) {
    const window2d& w = h.common.shape.window;
    std::memset(to, 0, static_cast<std::size_t>(h.block_bytes));
    std::uint8_t* const weights = to + constants_bytes(Width);
    std::int64_t start[Width] = {};
    const bool halves = columns <= Width / 2;
    const auto slot = [&](int c) { return slot_of(c, Width, Width / 4, true); };
    for (int c = 0; c < columns; ++c) {
        std::int64_t sum = 0;
        for (std::ptrdiff_t ky = 0; ky < w.kernel_height; ++ky) {
            for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx) {
                const std::ptrdiff_t index = ((first + c) * w.kernel_height + ky) * w.kernel_width + kx;
                const std::int32_t code = weight_at(layer, index) - at_channel(layer.weight_zero_points, first + c);
                std::uint8_t* const quad = weights + (kx * h.quads + ky / 4) * Width * 4 + ky % 4;
                quad[slot(c) * 4] = static_cast<std::uint8_t>(code);
                if (halves) quad[slot(c + Width / 2) * 4] = static_cast<std::uint8_t>(code);
                sum += code;
            }
        }
        start[c] = at_channel(layer.output.bias, first + c) - h.common.eff_zero * sum;
    }
    auto& p = *reinterpret_cast<panel_constants<Width>*>(to);
    pack_constants<Width>(h.common, layer, first, columns, start, true, p);
    if (!halves) return;
    for (int c = 0; c < columns; ++c) {
        const int from = slot(c), twin = slot(c + Width / 2);
        for (auto* values : {p.start, p.m0, p.shift, p.bound, p.left, p.base, p.right, p.offset})
            values[twin] = values[from];
        p.scale[twin] = p.scale[from];
        p.lowest[c + Width / 2] = p.lowest[c];
        p.span[c + Width / 2] = p.span[c];
    }
}

/// Packs a checked layer as planned.
inline void pack_depthwise_layer(const depthwise_header& h, const integer_layer& layer, void* memory) {
    auto* const base = static_cast<std::uint8_t*>(memory);
    std::memcpy(memory, &h, sizeof h);
    if (h.grouped) return pack_gemm(h.common, layer, base + h.first_block);
    const int width = depthwise_width(h.common.set);
    const std::ptrdiff_t channels = h.common.shape.out_channels;
    for (std::ptrdiff_t b = 0; b < h.blocks; ++b) {
        const int columns = static_cast<int>(channels - b * width < width ? channels - b * width : width);
        std::uint8_t* const to = base + h.first_block + b * h.block_bytes;
        if (width == 64)
            pack_depthwise_block<64>(h, layer, b * width, columns, to);
        else
            pack_depthwise_block<32>(h, layer, b * width, columns, to);
    }
    std::memset(base + h.zero_row, h.common.input_zero, static_cast<std::size_t>(h.bytes - h.zero_row));
}

}  // namespace lowbit::detail
