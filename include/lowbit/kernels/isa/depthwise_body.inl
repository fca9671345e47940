// SPDX-License-Identifier: Apache-2.0
// The kernel of depthwise convolutions, written once and included by each instruction set's file after gemm_body.inl.

/// Interleaves the lines that one output line sees (or two output lines, in the halves): for each column, four
/// registers of quads. Unpacking within 128 bits puts channel 16q + 4v + i in register v, lane 4q + i, which is the
/// order that packing to bytes undoes.
template <bool Halves>
LOWBIT_TARGET void interleave_lines(const depthwise_line& line) {
    const depthwise_header& h = *line.header;
    const conv2d_shape& s = h.common.shape;
    const window2d& w = s.window;
    const std::ptrdiff_t pixel = s.out_channels;  // the image has the multiplied channels by now
    const vec flip = splat_byte(h.common.input == code_type::s8 ? 0x80 : 0);
    const std::uint8_t* const nothing = h.base() + h.zero_row;
    const auto row = [&](std::ptrdiff_t oy, std::ptrdiff_t ky) -> const std::uint8_t* {
        const std::ptrdiff_t iy = oy * w.stride_height + ky * w.dilation_height - w.pad_top;
        const bool inside = iy >= 0 && iy < s.height && ky < w.kernel_height && oy < s.out_height();
        return inside ? line.image + iy * s.width * pixel : nullptr;
    };
    for (std::ptrdiff_t q = 0; q < h.quads; ++q) {
        const std::uint8_t *low[4], *high[4];
        for (std::ptrdiff_t k = 0; k < 4; ++k) {
            low[k] = row(line.oy, 4 * q + k);
            high[k] = Halves ? row(line.oy + 1, 4 * q + k) : nullptr;
        }
        std::uint8_t* to = line.quads + q * 4 * lanes * 4;
        std::ptrdiff_t ix = -w.pad_left;
        for (std::ptrdiff_t column = 0; column < h.columns; ++column, ++ix, to += h.quads * 4 * lanes * 4) {
            const bool inside = ix >= 0 && ix < s.width;
            vec lines[4];
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k) {
                const std::uint8_t* const a = inside && low[k] ? low[k] + ix * pixel : nothing;
                if constexpr (Halves)
                    lines[k] = load_halves(a, inside && high[k] ? high[k] + ix * pixel : nothing, line.channels);
                else
                    lines[k] = load_bytes(a, line.channels);
                lines[k] = flip_bits(lines[k], flip);
            }
            const vec low01 = interleave8_low(lines[0], lines[1]), high01 = interleave8_high(lines[0], lines[1]);
            const vec low23 = interleave8_low(lines[2], lines[3]), high23 = interleave8_high(lines[2], lines[3]);
            store(to, interleave16_low(low01, low23));
            store(to + lanes * 4, interleave16_high(low01, low23));
            store(to + 2 * lanes * 4, interleave16_low(high01, high23));
            store(to + 3 * lanes * 4, interleave16_high(high01, high23));
        }
    }
}

/// Accumulators of Pixels neighbouring outputs, all four registers of their channels, and their output stage.
template <int Pixels, bool Halves>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void depthwise_pixels(const depthwise_line& line, std::ptrdiff_t ox) {
    constexpr int width = 4 * lanes;
    const depthwise_header& h = *line.header;
    const window2d& w = h.common.shape.window;
    const std::ptrdiff_t quads = h.quads, column_bytes = quads * width * 4;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(line.block);
    const std::uint8_t* const weights = line.block + constants_bytes(width);
    const std::uint8_t* const first = line.quads + ox * w.stride_width * column_bytes;
    const std::ptrdiff_t step = w.stride_width * column_bytes;
    const bool fast = is_byte(h.common.output) && h.common.rounding == requant_rounding::single && !h.common.has_left;

    vec acc[Pixels][4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const vec start = load(constants.start + v * lanes);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) acc[p][v] = start;
        const std::uint8_t* k = weights + v * lanes * 4;
        const std::uint8_t* column = first + v * lanes * 4;
        for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx, column += w.dilation_width * column_bytes) {
            const std::uint8_t* quad = column;
            for (std::ptrdiff_t q = 0; q < quads; ++q, k += width * 4, quad += width * 4) {
                const vec weight = load(k);
#pragma GCC unroll 4
                for (int p = 0; p < Pixels; ++p) dot_bytes(acc[p][v], load(quad + p * step), weight);
            }
        }
        if (fast) {
            const vec m0 = load(constants.m0 + v * lanes), round = load(constants.round + v * lanes);
            const vec right = load(constants.right + v * lanes), m0_odd = odd_lanes(m0);
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p) acc[p][v] = rescale(acc[p][v], m0, m0_odd, round, right);
        }
    }

    if (!fast) {
        // Through memory: int32 and float outputs, which want another order, and the rarer roundings.
        alignas(64) std::int32_t rows[Pixels][width];
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) store(rows[p] + v * lanes, acc[p][v]);
        }
        if (!is_byte(h.common.output)) {
            write_words<width>(line, constants, rows[0], ox, Pixels, Halves);
            return;
        }
        rescale_any<width>(h.common.rounding, constants, rows[0], Pixels);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) acc[p][v] = load(rows[p] + v * lanes);
        }
    }
    const depthwise_writer writer(constants, h.common.output_zero, h.common.output == code_type::u8 ? 0x80 : 0,
                                  line.channels);
    const std::ptrdiff_t pixel = h.common.shape.out_channels;
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
        const vec codes = writer.codes(acc[p][0], acc[p][1], acc[p][2], acc[p][3]);
        const std::ptrdiff_t at = (ox + p) * pixel;
        if constexpr (Halves)
            writer.write_halves(codes, line.y + at, line.y_below ? line.y_below + at : nullptr);
        else
            writer.write(codes, line.y + at);
    }
}

template <bool Halves>
LOWBIT_TARGET void depthwise_line_of(const depthwise_line& line) {
    interleave_lines<Halves>(line);
    const std::ptrdiff_t out = line.header->common.shape.out_width();
    std::ptrdiff_t ox = 0;
    for (; ox + 4 <= out; ox += 4) depthwise_pixels<4, Halves>(line, ox);
    for (; ox < out; ++ox) depthwise_pixels<1, Halves>(line, ox);
}

LOWBIT_TARGET inline void run_depthwise_line(const depthwise_line& line) {
    line.halves ? depthwise_line_of<true>(line) : depthwise_line_of<false>(line);
}
