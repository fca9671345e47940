// SPDX-License-Identifier: Apache-2.0
// The kernel of depthwise convolutions, written once and included by each instruction set's file after gemm_body.inl.

/// Where the four lines of quads are, for the two halves of a block; a step of 0 stays on the pixel of Z_x.
struct quad_lines {
    const std::uint8_t *low[4], *high[4];
    std::ptrdiff_t low_step[4], high_step[4];
};

/// Interleaves `count` columns: four registers of quads each. Unpacking within 128 bits puts channel 16q + 4v + i in
/// register v, lane 4q + i, which is the order that packing to bytes undoes.
template <bool Halves>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void interleave_columns(quad_lines lines, std::ptrdiff_t count, int channels,
                                                           vec flip, std::uint8_t* to, std::ptrdiff_t to_step) {
    for (; count > 0; --count, to += to_step) {
        vec bytes[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            if constexpr (Halves) {
                bytes[k] = load_halves(lines.low[k], lines.high[k], channels);
                lines.high[k] += lines.high_step[k];
            } else {
                bytes[k] = load_bytes(lines.low[k], channels);
            }
            lines.low[k] += lines.low_step[k];
            bytes[k] = flip_bits(bytes[k], flip);
        }
        const vec low01 = interleave8_low(bytes[0], bytes[1]), high01 = interleave8_high(bytes[0], bytes[1]);
        const vec low23 = interleave8_low(bytes[2], bytes[3]), high23 = interleave8_high(bytes[2], bytes[3]);
        store(to, interleave16_low(low01, low23));
        store(to + lanes * 4, interleave16_high(low01, low23));
        store(to + 2 * lanes * 4, interleave16_low(high01, high23));
        store(to + 3 * lanes * 4, interleave16_high(high01, high23));
    }
}

/// Interleaves everything that one to four output lines see.
template <bool Halves>
LOWBIT_TARGET void interleave_lines(const depthwise_lines& work) {
    const depthwise_header& h = *work.header;
    const conv2d_shape& s = h.common.shape;
    const window2d& w = s.window;
    const std::ptrdiff_t pixel = s.out_channels;  // the image has the multiplied channels by now
    const vec flip = splat_byte(h.common.input == code_type::s8 ? 0x80 : 0);
    const std::uint8_t* const nothing = h.base() + h.zero_row;
    const std::ptrdiff_t taps = h.paired ? 4 : w.kernel_height, below = work.oy + (h.paired ? 2 : 1);
    const std::ptrdiff_t left = w.pad_left < h.columns ? w.pad_left : h.columns;
    const std::ptrdiff_t room = h.columns - left, inside = room < s.width ? room : s.width;
    const std::ptrdiff_t column_bytes = h.quads * 4 * lanes * 4;
    for (std::ptrdiff_t q = 0; q < h.quads; ++q) {
        quad_lines beside, lines;
        for (std::ptrdiff_t k = 0; k < 4; ++k) {
            const std::ptrdiff_t ky = 4 * q + k, offset = ky * w.dilation_height - w.pad_top;
            const std::ptrdiff_t low = work.oy * w.stride_height + offset, high = below * w.stride_height + offset;
            const bool has_low = ky < taps && low >= 0 && low < s.height;
            const bool has_high = ky < taps && high >= 0 && high < s.height;
            beside.low[k] = beside.high[k] = nothing;
            beside.low_step[k] = beside.high_step[k] = 0;
            lines.low[k] = has_low ? work.image + low * s.width * pixel : nothing;
            lines.high[k] = has_high ? work.image + high * s.width * pixel : nothing;
            lines.low_step[k] = has_low ? pixel : 0;
            lines.high_step[k] = has_high ? pixel : 0;
        }
        std::uint8_t* to = work.quads + q * 4 * lanes * 4;
        interleave_columns<Halves>(beside, left, work.channels, flip, to, column_bytes);
        to += left * column_bytes;
        interleave_columns<Halves>(lines, inside, work.channels, flip, to, column_bytes);
        to += inside * column_bytes;
        interleave_columns<Halves>(beside, room - inside, work.channels, flip, to, column_bytes);
    }
}

/// Adds one register of channels of Pixels neighbouring outputs. Columns: 3 for a window of 3 columns and up to 4
/// lines, unrolled; 0 for any. Second: the second line of a pair.
template <int Pixels, int Columns, bool Second>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void multiply_quads(vec (&acc)[Pixels][4], int v, const depthwise_header& h,
                                                       const std::uint8_t* weights, const std::uint8_t* column,
                                                       std::ptrdiff_t step) {
    constexpr std::ptrdiff_t quad_bytes = 4 * lanes * 4;
    if constexpr (Columns > 0) {
#pragma GCC unroll 3
        for (int kx = 0; kx < Columns; ++kx) {
            vec weight = load(weights + kx * quad_bytes);
            if constexpr (Second) weight = move_byte_up(weight);
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p) dot_bytes(acc[p][v], load(column + kx * quad_bytes + p * step), weight);
        }
    } else {
        const window2d& w = h.common.shape.window;
        const std::ptrdiff_t column_bytes = h.quads * quad_bytes;
        for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx, column += w.dilation_width * column_bytes) {
            for (std::ptrdiff_t q = 0; q < h.quads; ++q, weights += quad_bytes) {
                vec weight = load(weights);
                if constexpr (Second) weight = move_byte_up(weight);
#pragma GCC unroll 4
                for (int p = 0; p < Pixels; ++p) dot_bytes(acc[p][v], load(column + q * quad_bytes + p * step), weight);
            }
        }
    }
}

/// Pixels neighbouring outputs of a line (of two, in the halves): sums and output stage.
template <int Pixels, int Columns, bool Halves, bool Second>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void depthwise_pixels(const depthwise_lines& work, std::ptrdiff_t ox,
                                                         std::uint8_t* y, std::uint8_t* y_high) {
    constexpr int width = 4 * lanes;
    const depthwise_header& h = *work.header;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(work.block);
    const std::uint8_t* const weights = work.block + constants_bytes(width);
    const std::ptrdiff_t step = h.common.shape.window.stride_width * h.quads * width * 4;
    const std::uint8_t* const column = work.quads + ox * step;
    const bool fast = is_byte(h.common.output) && h.common.rounding == requant_rounding::single && !h.common.has_left;

    vec acc[Pixels][4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const vec start = load(constants.start + v * lanes);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) acc[p][v] = start;
        multiply_quads<Pixels, Columns, Second>(acc, v, h, weights + v * lanes * 4, column + v * lanes * 4, step);
        if (fast) {
            const vec m0 = load(constants.m0 + v * lanes), round = load(constants.round + v * lanes);
            const vec right = load(constants.right + v * lanes), m0_odd = odd_lanes(m0);
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p) acc[p][v] = rescale(acc[p][v], m0, m0_odd, round, right);
        }
    }

    const std::ptrdiff_t pixel = h.common.shape.out_channels * bytes_of(h.common.output);
    y += ox * pixel;
    if (y_high != nullptr) y_high += ox * pixel;
    if (!fast) {
        // Through memory: int32 and float outputs, which want another order, and the rarer roundings.
        alignas(64) std::int32_t rows[Pixels][width];
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) store(rows[p] + v * lanes, acc[p][v]);
        }
        if (!is_byte(h.common.output))
            return write_words<width>(h.common, constants, rows[0], Pixels, work.channels, y, y_high);
        rescale_any<width>(h.common.rounding, constants, rows[0], Pixels);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) acc[p][v] = load(rows[p] + v * lanes);
        }
    }
    const depthwise_writer writer(constants, h.common.output_zero, h.common.output == code_type::u8 ? 0x80 : 0,
                                  work.channels);
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
        const vec codes = writer.codes(acc[p][0], acc[p][1], acc[p][2], acc[p][3]);
        if constexpr (Halves)
            writer.write_halves(codes, y + p * pixel, y_high ? y_high + p * pixel : nullptr);
        else
            writer.write(codes, y + p * pixel);
    }
}

template <int Columns, bool Halves, bool Second>
LOWBIT_TARGET void depthwise_line(const depthwise_lines& work, std::uint8_t* y, std::uint8_t* y_high) {
    const std::ptrdiff_t out = work.header->common.shape.out_width();
    std::ptrdiff_t ox = 0;
    for (; ox + 4 <= out; ox += 4) depthwise_pixels<4, Columns, Halves, Second>(work, ox, y, y_high);
    if (ox + 2 <= out) {
        depthwise_pixels<2, Columns, Halves, Second>(work, ox, y, y_high);
        ox += 2;
    }
    if (ox < out) depthwise_pixels<1, Columns, Halves, Second>(work, ox, y, y_high);
}

template <int Columns, bool Halves>
LOWBIT_TARGET void depthwise_lines_of(const depthwise_lines& work) {
    interleave_lines<Halves>(work);
    const bool paired = work.header->paired;
    depthwise_line<Columns, Halves, false>(work, work.y[0], Halves ? work.y[paired ? 2 : 1] : nullptr);
    if (paired && work.y[1] != nullptr)
        depthwise_line<Columns, Halves, true>(work, work.y[1], Halves ? work.y[3] : nullptr);
}

LOWBIT_TARGET inline void run_depthwise_lines(const depthwise_lines& work) {
    const window2d& w = work.header->common.shape.window;
    if (w.kernel_width == 3 && w.dilation_width == 1 && work.header->quads == 1)
        return work.halves ? depthwise_lines_of<3, true>(work) : depthwise_lines_of<3, false>(work);
    work.halves ? depthwise_lines_of<0, true>(work) : depthwise_lines_of<0, false>(work);
}
