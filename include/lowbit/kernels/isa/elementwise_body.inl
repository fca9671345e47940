// SPDX-License-Identifier: Apache-2.0
// Elementwise operations and pooling, written once and included by each instruction set's file. Blocks of four
// registers; what is left over is the caller's (who has the scalar definition).

/// One multiplier for all lanes.
struct one_multiplier {
    vec m0, bound, left, base, right;
    bool shifts_left;

    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE explicit one_multiplier(const vector_multiplier& m)
        : m0(splat(m.m0)),
          bound(splat(m.bound)),
          left(splat(m.left)),
          base(splat(m.round)),
          right(splat(m.right)),
          shifts_left(m.left > 0) {}
    LOWBIT_TARGET LOWBIT_ALWAYS_INLINE vec operator()(vec acc) const {
        if (shifts_left) acc = shift_left(clamp_both(acc, bound), left);
        return rescale(acc, m0, m0, base, right);
    }
};

/// Whole blocks of y = clamp(Z + rescale((a − Z_a)(b − Z_b))), or of (a − Z_a) alone; returns how many values.
template <bool Product>
LOWBIT_TARGET std::ptrdiff_t rescale_blocks(const elementwise_task& t, multiplier factor) {
    const one_multiplier scale(vector_multiplier(factor, requant_rounding::single));
    const vec a_offset = splat(t.a_offset), b_offset = splat(t.b_offset), zero = splat_word(t.zero);
    const vec lowest = splat_byte(static_cast<std::uint8_t>(t.lowest));
    const vec highest = splat_byte(static_cast<std::uint8_t>(t.highest)), flip = splat_byte(t.y_flip);
    std::ptrdiff_t i = 0;
    for (; i + 4 * lanes <= t.n; i += 4 * lanes) {
        vec v[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            v[k] = subtract(widen(t.a + i + k * lanes, t.a_flip), a_offset);
            if constexpr (Product) v[k] = multiply_low(v[k], subtract(widen(t.b + i + k * lanes, t.b_flip), b_offset));
            v[k] = scale(v[k]);
        }
        store(t.y + i, flip_bits(clamp_s8(narrow(v, zero), lowest, highest), flip));
    }
    return i;
}

/// Whole blocks of an addition whose results fit int32 before the clamp.
LOWBIT_TARGET inline std::ptrdiff_t add_blocks(const elementwise_task& t, const common_shift& common) {
    const sum_constants sum(common.a, common.b, common.a_up, common.b_up, 31 - common.shift);
    const vec a_offset = splat(t.a_offset), b_offset = splat(t.b_offset), zero = splat_word(t.zero);
    const vec lowest = splat_byte(static_cast<std::uint8_t>(t.lowest));
    const vec highest = splat_byte(static_cast<std::uint8_t>(t.highest)), flip = splat_byte(t.y_flip);
    std::ptrdiff_t i = 0;
    for (; i + 4 * lanes <= t.n; i += 4 * lanes) {
        vec v[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
            v[k] = sum(subtract(widen(t.a + i + k * lanes, t.a_flip), a_offset),
                       subtract(widen(t.b + i + k * lanes, t.b_flip), b_offset));
        store(t.y + i, flip_bits(clamp_s8(narrow(v, zero), lowest, highest), flip));
    }
    return i;
}

/// Whole blocks of y = table[x], of 256 bytes: sixteen tables of sixteen. Each gives 0 for bytes that are not its own:
/// index + 112 has the highest bit set from index 16 on.
LOWBIT_TARGET inline std::ptrdiff_t table_blocks(std::ptrdiff_t n, const std::uint8_t* x, const std::uint8_t* table,
                                                 std::uint8_t* y) {
    const vec sixteen = splat_byte(16), high = splat_byte(112);
    std::ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        vec index = load(x + i), out = splat(0);
#pragma GCC unroll 16
        for (int part = 0; part < 256; part += 16) {
            out = either(out, look_up(repeat_16(table + part), add_u8(index, high)));
            index = subtract_bytes(index, sixteen);
        }
        store(y + i, out);
    }
    return i;
}

/// Rows of int32 accumulators through the constants of a panel of 4·lanes channels, which are in the order of the
/// channels: so must the bytes be for their clamps.
LOWBIT_TARGET inline void requantize_panel(const panel_constants<4 * lanes>& p, const gemm_header& h,
                                           std::ptrdiff_t rows, const std::int32_t* acc, std::uint8_t* y,
                                           std::ptrdiff_t stride, int columns) {
    const code_writer<4> writer(p, columns);
    for (std::ptrdiff_t row = 0; row < rows; ++row, acc += stride, y += stride) {
        vec v[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            const int at = k * lanes, some = columns - at;
            const auto* from = reinterpret_cast<const std::uint8_t*>(acc + at);
            const vec sum = add(some >= lanes ? load(from) : load_bytes(from, byte_mask(some > 0 ? 4 * some : 0)),
                                load(p.start + at));
            v[k] = h.simple ? simple_stage(p, at)(sum) : rescale_any(h.rounding, p, at, sum);
        }
        writer.write(in_order(saturate(v)), y);
    }
}

/// The largest byte of each channel under one window.
LOWBIT_TARGET inline void max_window(const pool_task& t) {
    const vec flip = splat_byte(t.flip), lowest = splat_byte(t.lowest), highest = splat_byte(t.highest);
    for (std::ptrdiff_t c = 0; c < t.channels; c += 4 * lanes) {
        const byte_mask count(static_cast<int>(t.channels - c < 4 * lanes ? t.channels - c : 4 * lanes));
        vec most = lowest;
        for (std::ptrdiff_t y = t.top; y < t.bottom; ++y)
            for (std::ptrdiff_t x = t.left; x < t.right; ++x)
                most = max_u8(most, flip_bits(load_bytes(t.x + (y * t.width + x) * t.channels + c, count), flip));
        store_bytes(t.y + c, flip_bits(min_u8(most, highest), flip), count);
    }
}

/// ⌊(2·Σ + count) / (2·count)⌋ of each channel under one window of at most 1024 pixels, the bytes as uint8: the
/// quotient is the high half of a product with ⌊2^32/(2·count)⌋ + 1, exact as (2·Σ + count)·(2·count) < 2^32. Whole
/// blocks of channels only; returns how many channels.
LOWBIT_TARGET inline std::ptrdiff_t mean_window(const pool_task& t) {
    const auto count = static_cast<std::uint32_t>((t.bottom - t.top) * (t.right - t.left));
    const auto magic = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / (2 * count) + 1);
    const vec reciprocal = splat(static_cast<std::int32_t>(magic)), half = splat(static_cast<std::int32_t>(count));
    const vec offset = splat(128), lowest = splat_byte(t.lowest ^ 0x80), highest = splat_byte(t.highest ^ 0x80);
    const vec flip = splat_byte(t.flip ^ 0x80);
    std::ptrdiff_t c = 0;
    for (; c + 4 * lanes <= t.channels; c += 4 * lanes) {
        vec sum[4] = {splat(0), splat(0), splat(0), splat(0)};
        for (std::ptrdiff_t y = t.top; y < t.bottom; ++y) {
            for (std::ptrdiff_t x = t.left; x < t.right; ++x) {
                const std::uint8_t* pixel = t.x + (y * t.width + x) * t.channels + c;
#pragma GCC unroll 4
                for (int k = 0; k < 4; ++k) sum[k] = add(sum[k], widen(pixel + k * lanes, t.flip));
            }
        }
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
            sum[k] = subtract(multiply_high(add(add(sum[k], sum[k]), half), reciprocal), offset);
        // As int8 from here on: the quotient less 128.
        store(t.y + c, flip_bits(clamp_s8(narrow(sum, splat(0)), lowest, highest), flip));
    }
    return c;
}
