// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a micro-kernel is asked to do, and the plain one: normative, for any CPU, and with 64-bit accumulators for
/// layers that 32 bits cannot hold. Internal to kernels/gemm_run.hpp.
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/kernels/packed_gemm.hpp>

#include <utility>

namespace lowbit::detail {

/// One term of the sum: `steps` steps of 4 bytes of each row of x, times as many of the weights.
struct gemm_tap {
    const std::uint8_t* x = nullptr;  ///< of the tile's first row, wherever that is
    std::ptrdiff_t stride = 0;        ///< bytes from row to row
    std::ptrdiff_t steps = 0;
    std::ptrdiff_t bytes = 0;  ///< without what fills the last step
    std::ptrdiff_t step = 0;   ///< of the panel's weights, where this tap's begin
    std::ptrdiff_t skipped = 0,
                   skips = 0;  ///< the taps [skipped, skipped + skips) that rows outside [first, last) lack
    int first = 0, last = 0;   ///< the rows for which x is in the image
};

/// A tile: a few rows of outputs of one panel; or `repeat` of them, one below the other, and the same again for each of
/// `lines` output lines. The rows outside [first, last)
/// of a tap see nothing but Z_x; a kernel may skip them and add the tap's entry of the table of skips, or read the row
/// of zeros.
struct gemm_tile {
    const gemm_header* header = nullptr;
    const std::uint8_t* panel = nullptr;
    const gemm_tap* taps = nullptr;
    std::ptrdiff_t tap_count = 0;
    std::uint8_t* y = nullptr;
    std::ptrdiff_t y_stride = 0;  ///< bytes
    int rows = 0;
    int columns = 0;  ///< channels of the panel that exist
    std::ptrdiff_t repeat = 1, lines = 1;
    std::ptrdiff_t x_line = 0, y_line = 0;  ///< bytes from line to line
    /// The next panel, which tiles of this one may bring into the cache meanwhile, each `ahead_bytes` of it.
    const std::uint8_t *ahead = nullptr, *ahead_end = nullptr;
    std::ptrdiff_t ahead_bytes = 0;  ///< 64 a step

    /// After the tile (all of its repeats and lines).
    void advance() { ahead += repeat * lines * ahead_bytes; }
};

using gemm_tile_function = void (*)(const gemm_tile&);

/// Adds what the taps of one row of a line give to the accumulators.
template <int Width, class Acc>
void portable_row(const gemm_tile& tile, const std::uint8_t* weights, std::ptrdiff_t line, std::ptrdiff_t row,
                  Acc (&acc)[Width]) {
    for (std::ptrdiff_t t = 0; t < tile.tap_count; ++t) {
        const gemm_tap& tap = tile.taps[t];
        if (row % tile.rows < tap.first || row % tile.rows >= tap.last)
            continue;  // x was widened to x − Z_x: nothing to correct
        const std::uint8_t* x = tap.x + line * tile.x_line + row * tap.stride;
        const std::uint8_t* w = weights + tap.step * Width * 4;
        for (std::ptrdiff_t step = 0; step < tap.steps; ++step, x += 4, w += Width * 4) {
            std::int16_t pair[2], panel[2 * Width];
            std::memcpy(pair, x, sizeof pair);
            std::memcpy(panel, w, sizeof panel);
            for (int c = 0; c < Width; ++c) acc[c] += Acc{pair[0] * panel[2 * c]} + Acc{pair[1] * panel[2 * c + 1]};
        }
    }
}

/// The plain micro-kernel: steps of two int16, accumulators of 32 bits, or of 64.
template <class Acc>
void portable_tile(const gemm_tile& tile) {
    constexpr int width = 16;
    const gemm_header& h = *tile.header;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(tile.panel);
    const std::uint8_t* weights = tile.panel + constants_bytes(width);
    const std::ptrdiff_t rows = tile.rows * tile.repeat;
    for (std::ptrdiff_t i = 0; i < tile.lines * rows; ++i) {
        const std::ptrdiff_t line = i / rows, row = i % rows;
        Acc acc[width];
        for (int c = 0; c < width; ++c) acc[c] = constants.start[c];
        portable_row<width, Acc>(tile, weights, line, row, acc);
        std::uint8_t* y = tile.y + line * tile.y_line + row * tile.y_stride;
        for (int c = 0; c < tile.columns; ++c) {
            if (h.output == code_type::s32) {
                const auto value = clamp_code<std::int32_t>(acc[c]);
                std::memcpy(y + 4 * c, &value, 4);
            } else if (h.output == code_type::f32) {
                const float value = static_cast<float>(acc[c]) * constants.scale[c];
                std::memcpy(y + 4 * c, &value, 4);
            } else {
                const std::int32_t scaled = rescale_by(h.rounding, acc[c], {constants.m0[c], constants.shift[c]});
                const std::int64_t above = std::int64_t{scaled} + constants.offset[c];  // the lowest code
                y[c] = static_cast<std::uint8_t>(constants.lowest[c] +
                                                 clamp_code<std::uint8_t>(above, {0, constants.span[c]}));
            }
        }
    }
}

/// x − Z_x as int16.
inline void portable_widen(const std::uint8_t* x, bool is_signed, std::int32_t zero, std::ptrdiff_t count,
                           std::int16_t* to) {
    const std::int32_t flip = is_signed ? 128 : 0, offset = zero + flip;
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = static_cast<std::int16_t>((x[i] ^ flip) - offset);
}

}  // namespace lowbit::detail
