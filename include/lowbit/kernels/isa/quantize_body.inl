// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/quantize.hpp on sixteen lanes. Included once for each instruction set, with LOWBIT_LANES (the
// namespace of its lanes) and LOWBIT_TARGET defined; the last values that do not fill the lanes go the scalar way.

namespace lowbit::detail::LOWBIT_LANES {

/// The nearest integer.
template <ties Rule>
__attribute__((LOWBIT_TARGET, always_inline)) inline i32 rounded(f32 x) {
    if constexpr (Rule == ties::even) return round_even(x);
    // The largest float below ½, with x's sign, added before truncation. Right for every x: where the sum is rounded,
    // it is rounded to the right side of the integer.
    const i32 sign = bit_and(bits(x), splat(INT32_MIN));
    return truncate(add(opaque(x), as_float(bit_or(sign, splat(0x3effffff)))));
}

template <ties Rule, class Code>
__attribute__((LOWBIT_TARGET)) void quantize_affine(const float* x, std::ptrdiff_t n, const affine_grid& grid,
                                                    Code* codes, caching how) {
    const f32 inverse = splat(grid.inverse_scale);
    const f32 low = splat(static_cast<float>(grid.lowest - grid.zero_point));
    const f32 high = splat(static_cast<float>(grid.highest - grid.zero_point));
    // Clamped before it is rounded: the ends are integers, so the order does not matter.
    const i32 zero = splat(grid.zero_point);
    const auto sixteen = [&](std::ptrdiff_t at) __attribute__((LOWBIT_TARGET)) {
        const f32 value = zero_nan(multiply(load(x + at), inverse));
        narrow(codes + at, add(rounded<Rule>(min(max(value, low), high)), zero));
    };
    std::ptrdiff_t i = 0;
    if constexpr (sizeof(Code) == 1) {
        const i32 zeros = splat_words(grid.zero_point);
        const i32 lowest = splat_bytes(grid.lowest), highest = splat_bytes(grid.highest);
        // Packing saturates to the range of Code itself, which is that of most grids.
        const bool narrower =
            grid.lowest > std::numeric_limits<Code>::min() || grid.highest < std::numeric_limits<Code>::max();
        const auto words = [&](const float* p) __attribute__((LOWBIT_TARGET, always_inline)) {
            return pack_words(rounded<Rule>(multiply(load(p), inverse)),
                              rounded<Rule>(multiply(load(p + 16), inverse)));
        };
        // NaN and what does not fit into int32 are converted to its lowest number: rare, so found out here, for all.
        const auto run = [&](auto bypass, auto together) __attribute__((LOWBIT_TARGET, always_inline)) {
            for (; i + together <= n; i += together) {
                i32 least = splat(0);
                for (int k = 0; k < together; k += 64) {
                    const i32 first = words(x + i + k), second = words(x + i + k + 32);
                    const i32 packed = pack_codes(add_words(first, zeros), add_words(second, zeros), Code{});
                    const i32 clamped = narrower ? clamp_codes(packed, lowest, highest, Code{}) : packed;
                    bypass ? stream_bytes(codes + i + k, clamped) : store_bytes(codes + i + k, clamped);
                    least = min_words(least, min_words(first, second));
                }
                if (any_lowest(least, least)) [[unlikely]] {
                    for (int k = 0; k < together; k += 16) sixteen(i + k);
                }
            }
        };
        constexpr std::integral_constant<int, 256> most{};
        bypasses(how, codes) ? run(std::true_type{}, most) : run(std::false_type{}, most);
        run(std::false_type{}, std::integral_constant<int, 64>{});
    }
    for (; i + 16 <= n; i += 16) sixteen(i);
    scalar::quantize_affine(x + i, n - i, grid, codes + i);
}

template <class Code>
__attribute__((LOWBIT_TARGET)) void dequantize_affine(const Code* codes, std::ptrdiff_t n, float scale,
                                                      std::int32_t zero_point, float* x, caching how) {
    const f32 scales = splat(scale);
    const i32 zero = splat(zero_point);
    const auto values = [&](const Code* p) __attribute__((LOWBIT_TARGET)) {
        return multiply(to_float(subtract(load(p), zero)), scales);
    };
    std::ptrdiff_t i = 0;
    if (bypasses(how, x)) {
        for (; i + 16 <= n; i += 16) stream(x + i, values(codes + i));
    } else {
        for (; i + 64 <= n; i += 64) {
            for (int k = 0; k < 64; k += 16) store(x + i + k, values(codes + i + k));
        }
        for (; i + 16 <= n; i += 16) store(x + i, values(codes + i));
    }
    scalar::dequantize_affine(codes + i, n - i, scale, zero_point, x + i);
}

}  // namespace lowbit::detail::LOWBIT_LANES
