// SPDX-License-Identifier: Apache-2.0
// The micro-kernel of matrix products, written once and included by each instruction set's file, inside a namespace
// that gives `vec` (a register of int32), `lanes`, `registers` (how many there are), LOWBIT_TARGET and these
// operations:
//
//     load, store, add, multiply_low         of int32
//     quad(x, flip)                          4 bytes of x in every lane, XOR flip
//     dot(acc, x, w)                         acc + Σ of the products of the 4 bytes (or 2 int16) of each lane
//     dot_memory(acc, x, pointer)            the same, w an operand in memory
//     rescale, rescale_twice                 the output stage: one rounding, or two
//     code_writer, store_words               a row of outputs
//     sum_bytes(x, count, flip)              Σ of bytes as uint8, XOR flip
//
// Register blocking: Rows x Registers accumulators stay in registers for the whole sum; each step loads Registers
// vectors of weights and broadcasts 4 bytes of each row. No blocking over the depth: the panel streams from L2, and
// 7 x 4 accumulators for 4 loads keep it below the bandwidth.

/// Rows [First, Last) of a tile times one tap's weights.
template <int First, int Last, int Rows, int Registers>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void multiply(vec (&acc)[Rows][Registers], const std::uint8_t* const (&x)[Rows],
                                                 const std::uint8_t* w, std::ptrdiff_t steps, vec flip,
                                                 const std::uint8_t* ahead) {
    // The weights that fit into registers beside the accumulators, x and the flip.
    constexpr int room = registers - Rows * Registers - 2, held = room < Registers ? room : Registers;
    for (std::ptrdiff_t k = 0; k < 4 * steps; k += 4, w += Registers * lanes * 4) {
        vec panel[held];
#pragma GCC unroll 4
        for (int v = 0; v < held; ++v) panel[v] = load(w + v * lanes * 4);
        // Few rows go through the weights faster than the hardware fetches them from memory; more leave time to fetch
        // the next panel while this one is in L2.
        if constexpr (Rows <= 4) {
#pragma GCC unroll 4
            for (int v = 0; v < Registers; ++v) __builtin_prefetch(w + v * lanes * 4 + 8192);
        }
        if constexpr (Registers == 4 && Rows > 1) __builtin_prefetch(ahead + 16 * k, 0, 2);
#pragma GCC unroll 12
        for (int r = First; r < Last; ++r) {
            const vec a = quad(x[r] + k, flip);
#pragma GCC unroll 4
            for (int v = 0; v < Registers; ++v) {
                if (v < held)
                    dot(acc[r][v], a, panel[v < held ? v : 0]);
                else
                    dot_memory(acc[r][v], a, w + v * lanes * 4);
            }
        }
    }
}

/// Adds to the accumulators of rows [from, to) what the skipped taps would have: Z_x·Σw each.
template <int Rows, int Registers>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void add_skips(vec (&acc)[Rows][Registers], const gemm_tap& tap, int from, int to,
                                                  const std::uint8_t* table) {
    for (std::ptrdiff_t s = tap.skipped; s < tap.skipped + tap.skips; ++s) {
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            if (r < from || r >= to) continue;
#pragma GCC unroll 4
            for (int v = 0; v < Registers; ++v)
                acc[r][v] = add(acc[r][v], load(table + (s * Registers + v) * lanes * 4));
        }
    }
}

/// Σ (x − Z_x) of each row, for weights with a zero point.
template <int Rows>
LOWBIT_TARGET inline void sum_rows(const gemm_tile& tile, std::ptrdiff_t line, std::ptrdiff_t first, std::uint8_t flip,
                                   std::int32_t (&sums)[Rows]) {
    for (int r = 0; r < Rows; ++r) {
        std::int32_t sum = 0;
        for (std::ptrdiff_t t = 0; t < tile.tap_count; ++t) {
            const gemm_tap& tap = tile.taps[t];
            if (r < tap.first || r >= tap.last) continue;
            sum += sum_bytes(tap.x + line * tile.x_line + (first + r) * tap.stride, tap.bytes, flip) -
                   static_cast<std::int32_t>(tap.bytes) * tile.header->eff_zero;
        }
        sums[r] = sum;
    }
}

/// The output stage of a register of channels from `at` on, where it is simple (see `channel_stage`).
struct simple_stage {
    vec m0, m0_odd, base, right;

    template <int Width>
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE simple_stage(const panel_constants<Width>& constants, int at)
        : m0(load(constants.m0 + at)),
          m0_odd(odd_lanes(m0)),
          base(load(constants.base + at)),
          right(load(constants.right + at)) {}
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec operator()(vec acc) const { return rescale(acc, m0, m0_odd, base, right); }
};

/// The output stage of a register of channels from `at` on, whatever the multipliers: shifts to the left, both
/// roundings.
template <int Width>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec rescale_any(requant_rounding rounding, const panel_constants<Width>& constants,
                                                   int at, vec acc) {
    const vec m0 = load(constants.m0 + at), m0_odd = odd_lanes(m0), right = load(constants.right + at);
    const vec half = shift_left(splat(1), add(right, splat(-1)));  // 0 where right is: a multiplier of 0
    acc = shift_left(clamp_both(acc, load(constants.bound + at)), load(constants.left + at));
    return add(rounding == requant_rounding::single ? rescale(acc, m0, m0_odd, half, right)
                                                    : rescale_twice(acc, m0, m0_odd, right),
               load(constants.offset + at));
}

/// All channels and rows of a buffer of accumulators.
template <int Width>
LOWBIT_TARGET __attribute__((noinline)) void rescale_rows(requant_rounding rounding,
                                                          const panel_constants<Width>& constants, std::int32_t* rows,
                                                          int count) {
    for (int v = 0; v < Width / lanes; ++v) {
        for (int r = 0; r < count; ++r) {
            std::int32_t* const acc = rows + r * Width + v * lanes;
            store(acc, rescale_any(rounding, constants, v * lanes, load(acc)));
        }
    }
}

/// One tile: the rows from `first` on, of a line.
template <int Rows, int Registers>
LOWBIT_TARGET LOWBIT_ALWAYS_INLINE void gemm_rows_at(const gemm_tile& tile, std::ptrdiff_t line, std::ptrdiff_t first,
                                                     const std::uint8_t* ahead) {
    constexpr int width = Registers * lanes;
    const gemm_header& h = *tile.header;
    const auto& constants = *reinterpret_cast<const panel_constants<width>*>(tile.panel);
    const std::uint8_t* const table = tile.panel + constants_bytes(width);
    const std::uint8_t* const weights = table + h.skip_bytes(width);
    const std::uint8_t flip_byte = h.input == code_type::s8 ? 0x80 : 0;
    const vec flip = splat_byte(flip_byte);
    const std::ptrdiff_t shift = line * tile.x_line;
    std::uint8_t* const y = tile.y + line * tile.y_line + first * tile.y_stride;

    vec acc[Rows][Registers];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < Registers; ++v) acc[r][v] = load(constants.start + v * lanes);
    }

    for (std::ptrdiff_t t = 0; t < tile.tap_count; ++t) {
        const gemm_tap& tap = tile.taps[t];
        const std::uint8_t* const w = weights + tap.step * width * 4;
        const std::uint8_t* x[Rows];
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) x[r] = tap.x + shift + (first + r) * tap.stride;
        if (tap.first == 0 && tap.last == Rows) [[likely]] {
            multiply<0, Rows>(acc, x, w, tap.steps, flip, ahead + tap.step * 64);
            continue;
        }
        if (tap.first >= tap.last) {
            add_skips(acc, tap, 0, Rows, table);
            continue;
        }
        if constexpr (Rows > 1 && Registers == 4) {
            // The usual border: one row of the tile is beside the image. Its share is not computed.
            if (tap.first == 1 && tap.last == Rows) {
                multiply<1, Rows>(acc, x, w, tap.steps, flip, ahead + tap.step * 64);
                add_skips(acc, tap, 0, 1, table);
                continue;
            }
            if (tap.first == 0 && tap.last == Rows - 1) {
                multiply<0, Rows - 1>(acc, x, w, tap.steps, flip, ahead + tap.step * 64);
                add_skips(acc, tap, Rows - 1, Rows, table);
                continue;
            }
        }
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            if (r < tap.first || r >= tap.last) x[r] = h.base() + h.zero_row;
        }
        multiply<0, Rows>(acc, x, w, tap.steps, flip, ahead + tap.step * 64);
    }

    if (h.has_weight_zeros) {
        std::int32_t sums[Rows];
        sum_rows(tile, line, first, flip_byte, sums);
#pragma GCC unroll 4
        for (int v = 0; v < Registers; ++v) {
            const vec minus_zero = load(constants.minus_zero + v * lanes);
#pragma GCC unroll 12
            for (int r = 0; r < Rows; ++r) acc[r][v] = add(acc[r][v], multiply_low(minus_zero, splat(sums[r])));
        }
    }

    if (h.output == code_type::s32 || h.output == code_type::f32) {
#pragma GCC unroll 4
        for (int v = 0; v < Registers; ++v) {
            const int count = tile.columns - v * lanes;
            if (h.output == code_type::s32) {
#pragma GCC unroll 12
                for (int r = 0; r < Rows; ++r) store_words(acc[r][v], y + r * tile.y_stride + v * lanes * 4, count);
            } else {
#pragma GCC unroll 12
                for (int r = 0; r < Rows; ++r)
                    store_words(scale_float(acc[r][v], constants.scale + v * lanes),
                                y + r * tile.y_stride + v * lanes * 4, count);
            }
        }
        return;
    }
    if (h.simple) [[likely]] {
#pragma GCC unroll 4
        for (int v = 0; v < Registers; ++v) {
            const simple_stage stage(constants, v * lanes);
#pragma GCC unroll 12
            for (int r = 0; r < Rows; ++r) acc[r][v] = stage(acc[r][v]);
        }
    } else {
        // Through memory: rare, and a third of the code that way.
        alignas(64) std::int32_t rows[Rows][width];
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < Registers; ++v) store(rows[r] + v * lanes, acc[r][v]);
        }
        rescale_rows(h.rounding, constants, rows[0], Rows);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < Registers; ++v) acc[r][v] = load(rows[r] + v * lanes);
        }
    }
    const code_writer<Registers> writer(constants, tile.columns);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) writer.write(acc[r], y + r * tile.y_stride);
}

template <int Rows, int Registers>
LOWBIT_TARGET void gemm_rows(const gemm_tile& tile) {
    const std::uint8_t* ahead = tile.ahead;
    for (std::ptrdiff_t line = 0; line < tile.lines; ++line) {
        for (std::ptrdiff_t i = 0; i < tile.repeat; ++i, ahead += tile.ahead_bytes)
            gemm_rows_at<Rows, Registers>(tile, line, i * Rows, ahead < tile.ahead_end ? ahead : tile.panel);
    }
}

/// Picks the kernel for the number of rows.
template <int Registers, int... Rows>
LOWBIT_TARGET void gemm_tile_of_rows(const gemm_tile& tile, std::integer_sequence<int, Rows...>) {
    static constexpr gemm_tile_function kernels[] = {gemm_rows<Rows + 1, Registers>...};
    kernels[tile.rows - 1](tile);
}
template <int Registers, int Rows>
LOWBIT_TARGET void gemm_tile_up_to(const gemm_tile& tile) {
    gemm_tile_of_rows<Registers>(tile, std::make_integer_sequence<int, Rows>());
}
