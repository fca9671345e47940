// SPDX-License-Identifier: Apache-2.0
// The loops of kernels/reduce.hpp on sixteen lanes: see quantize_body.inl for how this file is included.

namespace lowbit::detail::LOWBIT_LANES {

__attribute__((LOWBIT_TARGET)) inline extent find_extent(const float* x, std::ptrdiff_t n, extent seen) {
    std::ptrdiff_t i = 0;
    if (n >= 64) {
        f32 low0 = splat(seen.min), low1 = low0, low2 = low0, low3 = low0;
        f32 high0 = splat(seen.max), high1 = high0, high2 = high0, high3 = high0;
        for (; i + 64 <= n; i += 64) {
            const f32 a = load(x + i), b = load(x + i + 16), c = load(x + i + 32), d = load(x + i + 48);
            low0 = seen_min(a, low0);
            high0 = seen_max(a, high0);
            low1 = seen_min(b, low1);
            high1 = seen_max(b, high1);
            low2 = seen_min(c, low2);
            high2 = seen_max(c, high2);
            low3 = seen_min(d, low3);
            high3 = seen_max(d, high3);
        }
        float ends[32];
        store(ends, seen_min(seen_min(low0, low1), seen_min(low2, low3)));
        store(ends + 16, seen_max(seen_max(high0, high1), seen_max(high2, high3)));
        seen = scalar::find_extent(ends, 32, seen);
    }
    return scalar::find_extent(x + i, n - i, seen);
}

__attribute__((LOWBIT_TARGET)) inline float find_magnitude(const float* x, std::ptrdiff_t n) {
    const i32 magnitude = splat(INT32_MAX);
    const auto at = [&](const float* p) __attribute__((LOWBIT_TARGET, always_inline)) {
        return bit_and(load_bits(p), magnitude);
    };
    i32 a = splat(0), b = a, c = a, d = a;
    std::ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64) {
        a = max(a, at(x + i));
        b = max(b, at(x + i + 16));
        c = max(c, at(x + i + 32));
        d = max(d, at(x + i + 48));
    }
    float largest[17];
    store(largest, as_float(max(max(a, b), max(c, d))));
    largest[16] = largest_magnitude(x + i, n - i);
    return largest_magnitude(largest, 17);
}

/// How many values, in steps of 64, come before the first 64 with a magnitude beyond `greatest`, as bits.
__attribute__((LOWBIT_TARGET)) inline std::ptrdiff_t count_up_to(const float* x, std::ptrdiff_t n,
                                                                 std::int32_t greatest) {
    const i32 magnitude = splat(INT32_MAX), limit = splat(greatest);
    const auto beyond = [&](const float* p) __attribute__((LOWBIT_TARGET)) {
        return greater(bit_and(load_bits(p), magnitude), limit);
    };
    std::ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64) {
        if (any(either(either(beyond(x + i), beyond(x + i + 16)), either(beyond(x + i + 32), beyond(x + i + 48)))))
            break;
    }
    return i;
}

__attribute__((LOWBIT_TARGET)) inline std::ptrdiff_t find_nan(const float* x, std::ptrdiff_t n) {
    const std::ptrdiff_t i = count_up_to(x, n, 0x7f800000);
    return i + scalar::find_nan(x + i, n - i);
}

__attribute__((LOWBIT_TARGET)) inline std::ptrdiff_t find_not_finite(const float* x, std::ptrdiff_t n) {
    const std::ptrdiff_t i = count_up_to(x, n, 0x7f7fffff);
    return i + scalar::find_not_finite(x + i, n - i);
}

}  // namespace lowbit::detail::LOWBIT_LANES
