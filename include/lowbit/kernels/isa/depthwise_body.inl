// SPDX-License-Identifier: Apache-2.0
// The kernel of depthwise convolutions, written once and included by each instruction set's file after gemm_body.inl.

/// Bytes of four lines side by side: four registers of quads. Unpacking within 128 bits puts channel 16q + 4v + i in
/// register v, lane 4q + i, which is the order that packing to bytes undoes.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void interleave(const vec (&bytes)[4], vec (&quads)[4]) {
    const vec low01 = interleave8_low(bytes[0], bytes[1]), high01 = interleave8_high(bytes[0], bytes[1]);
    const vec low23 = interleave8_low(bytes[2], bytes[3]), high23 = interleave8_high(bytes[2], bytes[3]);
    quads[0] = interleave16_low(low01, low23);
    quads[1] = interleave16_high(low01, low23);
    quads[2] = interleave16_low(high01, high23);
    quads[3] = interleave16_high(high01, high23);
}

/// Interleaves `count` columns, `pixel` bytes apart, of four lines (in the halves, of two times four). Full: there is a
/// channel for every byte. Flip: x may be int8; else `flip` is 0.
template <bool Halves, bool Full, bool Flip>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void interleave_columns(const std::uint8_t* const (&low)[4],
                                                           const std::uint8_t* const (&high)[4], std::ptrdiff_t count,
                                                           std::ptrdiff_t pixel, const byte_mask& channels, vec flip,
                                                           std::uint8_t* to, std::ptrdiff_t to_step) {
    for (std::ptrdiff_t at = 0; count > 0; --count, at += pixel, to += to_step) {
        vec bytes[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            if constexpr (Full)
                bytes[k] = Halves ? load_halves(low[k] + at, high[k] + at) : load(low[k] + at);
            else
                bytes[k] =
                    Halves ? load_halves(low[k] + at, high[k] + at, channels) : load_bytes(low[k] + at, channels);
            if constexpr (Flip) bytes[k] = flip_bits(bytes[k], flip);
        }
        vec quads[4];
        interleave(bytes, quads);
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) store(to + v * lanes * 4, quads[v]);
    }
}

/// Quads of columns beside the image.
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void fill_columns(std::uint8_t* from, const std::uint8_t* to, vec zero) {
    for (; from < to; from += lanes * 4) store(from, zero);
}

/// Interleaves everything that `outputs` neighbours from column `ox` on of one to four output lines see.
template <bool Halves>
LOWBIT_TARGET void interleave_lines(const depthwise_lines& work, std::ptrdiff_t ox, std::ptrdiff_t outputs) {
    const depthwise_header& h = *work.header;
    const conv2d_shape& s = h.common.shape;
    const window2d& w = s.window;
    const std::ptrdiff_t pixel = s.out_channels;  // the image has the multiplied channels by now
    const vec flip = splat_byte(h.common.input == code_type::s8 ? 0x80 : 0);
    const byte_mask channels(work.channels);
    const std::uint8_t* const nothing = h.base() + h.zero_row;  // a line of Z_x
    const std::ptrdiff_t taps = h.paired ? 4 : w.kernel_height, below = work.oy + (h.paired ? 2 : 1);
    const std::ptrdiff_t ix = ox * w.stride_width - w.pad_left, columns = h.columns_of(outputs);
    const std::ptrdiff_t from = ix > 0 ? ix : 0, until = ix + columns < s.width ? ix + columns : s.width;
    const std::ptrdiff_t inside = until > from ? until - from : 0;
    const std::ptrdiff_t left = from - ix < columns ? from - ix : columns;
    const std::uint8_t* const image = work.image + from * pixel;
    const std::ptrdiff_t column_bytes = h.quads * 4 * lanes * 4;
    const vec zero = splat_byte(static_cast<std::uint8_t>(h.common.eff_zero));
    fill_columns(work.quads, work.quads + left * column_bytes, zero);
    fill_columns(work.quads + (left + inside) * column_bytes, work.quads + columns * column_bytes, zero);
    for (std::ptrdiff_t q = 0; q < h.quads; ++q) {
        const std::uint8_t *low[4], *high[4];
        for (std::ptrdiff_t k = 0; k < 4; ++k) {
            const std::ptrdiff_t ky = 4 * q + k, offset = ky * w.dilation_height - w.pad_top;
            const std::ptrdiff_t low_line = work.oy * w.stride_height + offset,
                                 high_line = below * w.stride_height + offset;
            low[k] = low_line >= 0 && low_line < s.height ? image + low_line * s.width * pixel : nothing;
            high[k] = high_line >= 0 && high_line < s.height ? image + high_line * s.width * pixel : nothing;
            // Past the window the weights are zero, whatever the line.
            if (ky >= taps) low[k] = low[0], high[k] = high[0];
        }
        std::uint8_t* const to = work.quads + left * column_bytes + q * 4 * lanes * 4;
        if (work.channels < (Halves ? 2 : 4) * lanes)
            interleave_columns<Halves, false, true>(low, high, inside, pixel, channels, flip, to, column_bytes);
        else if (h.common.input == code_type::s8)
            interleave_columns<Halves, true, true>(low, high, inside, pixel, channels, flip, to, column_bytes);
        else
            interleave_columns<Halves, true, false>(low, high, inside, pixel, channels, flip, to, column_bytes);
    }
}

/// Register v of the channels of Pixels neighbouring outputs of a line under any window; or of two lines under a window
/// of 3 columns with stride 1, the second line's weights being the first one's moved by a byte.
template <int Lines, int Pixels>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void multiply_quads(vec (&acc)[Lines][Pixels][4], int v, const depthwise_header& h,
                                                       vec start, const std::uint8_t* weights,
                                                       const std::uint8_t* column, std::ptrdiff_t step) {
    constexpr std::ptrdiff_t quad_bytes = 4 * lanes * 4;
    weights += v * lanes * 4;
    column += v * lanes * 4;
#pragma GCC unroll 2
    for (int l = 0; l < Lines; ++l) {
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) acc[l][p][v] = start;
    }
    if constexpr (Lines == 2) {
        vec weight[2][3];
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; ++kx) {
            weight[0][kx] = load(weights + kx * quad_bytes);
            weight[1][kx] = move_byte_up(weight[0][kx]);
        }
        // Each column is loaded once, for every output that sees it.
#pragma GCC unroll 6
        for (int c = 0; c < Pixels + 2; ++c) {
            const vec quads = load(column + c * quad_bytes);
#pragma GCC unroll 3
            for (int kx = 0; kx < 3; ++kx) {
                if (c < kx || c - kx >= Pixels) continue;
                dot_bytes(acc[0][c - kx][v], quads, weight[0][kx]);
                dot_bytes(acc[1][c - kx][v], quads, weight[1][kx]);
            }
        }
    } else {
        const window2d& w = h.common.shape.window;
        const std::ptrdiff_t column_bytes = h.quads * quad_bytes;
        for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx, column += w.dilation_width * column_bytes) {
            for (std::ptrdiff_t q = 0; q < h.quads; ++q, weights += quad_bytes) {
                const vec weight = load(weights);
#pragma GCC unroll 4
                for (int p = 0; p < Pixels; ++p)
                    dot_bytes(acc[0][p][v], load(column + q * quad_bytes + p * step), weight);
            }
        }
    }
}

/// What becomes of the sums of Pixels neighbouring outputs where the fast path does not apply: through memory.
template <int Pixels>
LOWBIT_TARGET void finish_any(const depthwise_lines& work, std::int32_t* rows, std::uint8_t* y, std::uint8_t* y_high) {
    constexpr int width = 4 * lanes;
    const gemm_header& h = work.header->common;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(work.block);
    if (!is_byte(h.output)) return write_words<width>(h, constants, rows, Pixels, work.channels, y, y_high);
    rescale_rows(h.rounding, constants, rows, Pixels);
    const code_writer<4> writer(constants, work.channels);
    for (int p = 0; p < Pixels; ++p) {
        const std::int32_t* row = rows + p * width;
        const vec sums[4] = {load(row), load(row + lanes), load(row + 2 * lanes), load(row + 3 * lanes)};
        const std::ptrdiff_t at = p * h.shape.out_channels;
        work.halves ? writer.write_halves(sums, y + at, y_high ? y_high + at : nullptr) : writer.write(sums, y + at);
    }
}

/// Pixels neighbouring outputs, from byte `at` of their lines on, of Lines lines (in the halves, of as many more): sums
/// and output stage. Each register's stage follows the sums of the next: without sums to go on with, it would wait for
/// its own.
template <int Lines, int Pixels, bool Halves, bool Plain>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void depthwise_pixels(const depthwise_lines& work, const std::uint8_t* column,
                                                         std::ptrdiff_t step, const code_writer<4>& writer,
                                                         std::ptrdiff_t pixel, std::ptrdiff_t at) {
    constexpr int width = 4 * lanes;
    const depthwise_header& h = *work.header;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(work.block);
    const std::uint8_t* const weights = work.block + constants_bytes(width);
    vec acc[Lines][Pixels][4];
#pragma GCC unroll 5
    for (int v = 0; v <= 4; ++v) {
        if (v < 4) multiply_quads(acc, v, h, load(constants.start + v * lanes), weights, column, step);
        if (Plain && v > 0) {
            const int done = v - 1;
            const simple_stage stage(constants, done * lanes);
#pragma GCC unroll 2
            for (int l = 0; l < Lines; ++l) {
#pragma GCC unroll 4
                for (int p = 0; p < Pixels; ++p) acc[l][p][done] = stage(acc[l][p][done]);
            }
        }
    }
#pragma GCC unroll 2
    for (int l = 0; l < Lines; ++l) {
        if (work.y[l] == nullptr) break;
        std::uint8_t *y = work.y[l] + at, *y_high = Halves && work.y[l + Lines] ? work.y[l + Lines] + at : nullptr;
        if constexpr (Plain) {
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p, y += pixel) {
                if constexpr (!Halves)
                    writer.write(acc[l][p], y);
                else
                    writer.write_halves(acc[l][p], y, y_high ? y_high + p * pixel : nullptr);
            }
        } else {
            alignas(64) std::int32_t rows[Pixels][width];
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v) store(rows[p] + v * lanes, acc[l][p][v]);
            }
            finish_any<Pixels>(work, rows[0], y, y_high);
        }
    }
}

template <int Lines, bool Halves, bool Plain>
LOWBIT_TARGET void depthwise_line(const depthwise_lines& work, std::ptrdiff_t ox, std::ptrdiff_t outputs) {
    const depthwise_header& h = *work.header;
    const gemm_header& common = h.common;
    const code_writer<4> writer(*reinterpret_cast<const panel_constants<4 * lanes>*>(work.block), work.channels);
    const std::ptrdiff_t step = common.shape.window.stride_width * h.quads * 4 * lanes * 4;
    const std::ptrdiff_t pixel = common.shape.out_channels * bytes_of(common.output);
    const std::uint8_t* column = work.quads;
    for (std::ptrdiff_t count; outputs > 0; outputs -= count, ox += count, column += count * step) {
        if constexpr (Plain) {
            if (outputs >= 4 && outputs != 6) {
                count = 4;
                depthwise_pixels<Lines, 4, Halves, Plain>(work, column, step, writer, pixel, ox * pixel);
                continue;
            }
            if (outputs >= 3) {
                count = 3;  // twice rather than 4 and 2: the fewer, the longer they wait for their sums
                depthwise_pixels<Lines, 3, Halves, Plain>(work, column, step, writer, pixel, ox * pixel);
                continue;
            }
        }
        count = 1;
        depthwise_pixels<Lines, 1, Halves, Plain>(work, column, step, writer, pixel, ox * pixel);
    }
}

template <int Lines, bool Halves, bool Plain>
LOWBIT_TARGET void depthwise_strips(const depthwise_lines& work) {
    const std::ptrdiff_t out = work.header->common.shape.out_width();
    for (std::ptrdiff_t ox = 0; ox < out; ox += depthwise_strip) {
        const std::ptrdiff_t outputs = out - ox < depthwise_strip ? out - ox : depthwise_strip;
        interleave_lines<Halves>(work, ox, outputs);
        depthwise_line<Lines, Halves, Plain>(work, ox, outputs);
    }
}

/// The pixels under the windows of a line with stride 2, where the lines are (in the halves, of two).
struct stride_two_lines {
    vec flip;
    const std::uint8_t *low[3], *high[3];
    byte_mask channels;

    LOWBIT_TARGET explicit stride_two_lines(const depthwise_lines& work)
        : flip(splat_byte(work.header->common.input == code_type::s8 ? 0x80 : 0)), channels(work.channels) {
        const conv2d_shape& s = work.header->common.shape;
        const std::ptrdiff_t top = 2 * work.oy - s.window.pad_top;
        const auto at = [&](std::ptrdiff_t line) {
            return line >= 0 && line < s.height ? work.image + line * s.width * s.out_channels
                                                : work.header->base() + work.header->zero_row;
        };
        for (int k = 0; k < 3; ++k) {
            low[k] = at(top + k);
            high[k] = at(top + k + 2);
        }
    }
};

/// Pixels neighbouring outputs with stride 2 under a window of 3 columns and up to 3 lines. Neighbours share but one
/// column in three: quads are made where they are used, which is less work than to store and to load them. Inside: no
/// column is beside the image; Full, Flip: as for `interleave_columns`.
template <int Pixels, bool Halves, bool Inside, bool Full, bool Flip>
LOWBIT_TARGET void stride_two_pixels(const depthwise_lines& work, const stride_two_lines& lines,
                                     const code_writer<4>& writer, std::ptrdiff_t ox) {
    constexpr int width = 4 * lanes;
    const depthwise_header& h = *work.header;
    const conv2d_shape& s = h.common.shape;
    const std::ptrdiff_t pixel = s.out_channels, left = 2 * ox - s.window.pad_left;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(work.block);
    const std::uint8_t* const weights = work.block + constants_bytes(width);
    vec acc[Pixels][4];
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) acc[p][v] = load(constants.start + v * lanes);
    }
#pragma GCC unroll 9
    for (int c = 0; c < 2 * Pixels + 1; ++c) {
        const bool beside = !Inside && (left + c < 0 || left + c >= s.width);
        vec bytes[4], quads[4];
#pragma GCC unroll 3
        for (int k = 0; k < 3; ++k) {
            const std::uint8_t* const low = beside ? h.base() + h.zero_row : lines.low[k] + (left + c) * pixel;
            const std::uint8_t* const high = beside ? h.base() + h.zero_row : lines.high[k] + (left + c) * pixel;
            if constexpr (Full)
                bytes[k] = Halves ? load_halves(low, high) : load(low);
            else
                bytes[k] = Halves ? load_halves(low, high, lines.channels) : load_bytes(low, lines.channels);
            if constexpr (Flip) bytes[k] = flip_bits(bytes[k], lines.flip);
        }
        bytes[3] = bytes[2];  // times a weight of zero
        interleave(bytes, quads);
#pragma GCC unroll 2
        for (int kx = c % 2; kx < 3; kx += 2) {
            const int p = (c - kx) / 2;
            if (c < kx || p >= Pixels) continue;
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) dot_bytes(acc[p][v], quads[v], load(weights + (kx * 4 + v) * lanes * 4));
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const simple_stage stage(constants, v * lanes);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) acc[p][v] = stage(acc[p][v]);
    }
    std::uint8_t* const y_high = Halves ? work.y[1] : nullptr;
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
        const std::ptrdiff_t at = (ox + p) * pixel;
        if constexpr (Halves)
            writer.write_halves(acc[p], work.y[0] + at, y_high ? y_high + at : nullptr);
        else
            writer.write(acc[p], work.y[0] + at);
    }
}

/// A line of at least `together` outputs; the last ones are computed twice where they are fewer.
template <bool Halves>
LOWBIT_TARGET void stride_two_line(const depthwise_lines& work) {
    constexpr int together = registers / 8;
    const conv2d_shape& s = work.header->common.shape;
    const code_writer<4> writer(*reinterpret_cast<const panel_constants<4 * lanes>*>(work.block), work.channels);
    const stride_two_lines lines(work);
    const bool full = work.channels == (Halves ? 2 : 4) * lanes;
    const std::ptrdiff_t out = s.out_width(), end = out - together;
    for (std::ptrdiff_t ox = 0; ox < out; ox += together) {
        const std::ptrdiff_t first = ox < end ? ox : end, left = 2 * first - s.window.pad_left;
        if (left < 0 || left + 2 * together + 1 > s.width)
            stride_two_pixels<together, Halves, false, false, true>(work, lines, writer, first);
        else if (!full)
            stride_two_pixels<together, Halves, true, false, true>(work, lines, writer, first);
        else if (work.header->common.input == code_type::s8)
            stride_two_pixels<together, Halves, true, true, true>(work, lines, writer, first);
        else
            stride_two_pixels<together, Halves, true, true, false>(work, lines, writer, first);
    }
}

LOWBIT_TARGET inline void run_depthwise_lines(const depthwise_lines& work) {
    const depthwise_header& h = *work.header;
    if (!h.plain) return work.halves ? depthwise_strips<1, true, false>(work) : depthwise_strips<1, false, false>(work);
    if (h.stride_two) return work.halves ? stride_two_line<true>(work) : stride_two_line<false>(work);
    if (h.paired) return work.halves ? depthwise_strips<2, true, true>(work) : depthwise_strips<2, false, true>(work);
    work.halves ? depthwise_strips<1, true, true>(work) : depthwise_strips<1, false, true>(work);
}
