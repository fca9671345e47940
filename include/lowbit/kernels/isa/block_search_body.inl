// SPDX-License-Identifier: Apache-2.0
// The searches of kernels/block_search.hpp, one block in each lane: no sum goes across lanes, so every instruction set
// adds in the same order, that of the values. See quantize_body.inl for how this file is included; here one lane of
// plain C++ is one more instruction set, the normative one.

namespace lowbit::detail::LOWBIT_LANES {

__attribute__((LOWBIT_TARGET, always_inline)) inline f32 magnitude(f32 x) {
    return as_float(bit_and(bits(x), splat(INT32_MAX)));
}

/// 0 also where 1/x is not finite, or where x counts as 0 on a processor that flushes subnormals.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 reciprocal_or_zero(f32 x) {
    return select(greater(bits(magnitude(x)), splat(0x7fffff)), divide(splat(1.0f), x), splat(0.0f));
}

/// sum + a · b, each rounded.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 plus_product(f32 sum, f32 a, f32 b) {
    return opaque(add(sum, opaque(multiply(a, b))));
}

/// n values of each lane's block, value i at x[i · lane_count], from `origin` in units of 1 / factor; their weights in
/// the same order, null where not weighted.
template <bool Weighted>
class searched_blocks {
public:
    __attribute__((LOWBIT_TARGET, always_inline))
    searched_blocks(const float* x, const float* weights, std::ptrdiff_t n, f32 factor, f32 origin)
        : x_(x), weights_(weights), n_(n), factor_(factor), origin_(origin), unit_(splat(1.0f)) {
        if constexpr (Weighted) {
            f32 largest = splat(0.0f);
            for (std::ptrdiff_t i = 0; i < n; ++i) largest = max(largest, load(weights + i * lane_count));
            // 2^−e for the largest weight's exponent e, so that products stay in the range of float32.
            const i32 exponent = max(min(shift_right<23>(bits(largest)), splat(253)), splat(1));
            unit_ = as_float(shift_left<23>(subtract(splat(254), exponent)));
        }
    }

    std::ptrdiff_t size() const { return n_; }
    __attribute__((LOWBIT_TARGET, always_inline)) f32 plain(std::ptrdiff_t i) const {
        return load(x_ + i * lane_count);
    }
    __attribute__((LOWBIT_TARGET, always_inline)) f32 value(std::ptrdiff_t i) const {
        return opaque(multiply(opaque(subtract(plain(i), origin_)), factor_));
    }
    /// y times the weight of value i.
    __attribute__((LOWBIT_TARGET, always_inline)) f32 weighed(f32 y, std::ptrdiff_t i) const {
        if constexpr (Weighted) y = opaque(multiply(opaque(multiply(load(weights_ + i * lane_count), unit_)), y));
        return y;
    }

private:
    const float *x_, *weights_;
    std::ptrdiff_t n_;
    f32 factor_, origin_, unit_;
};

/// f(values), weighted where weights are not null.
template <class Function>
__attribute__((LOWBIT_TARGET, always_inline)) inline auto with_weights(const float* x, const float* weights,
                                                                       std::ptrdiff_t n, f32 factor, f32 origin,
                                                                       Function f) {
    if (weights != nullptr) return f(searched_blocks<true>(x, weights, n, factor, origin));
    return f(searched_blocks<false>(x, nullptr, n, factor, origin));
}

/// Codes are integers.
class integer_levels {
public:
    __attribute__((LOWBIT_TARGET, always_inline)) integer_levels(float lowest, float highest)
        : lowest_(splat(lowest)), highest_(splat(highest)) {}
    __attribute__((LOWBIT_TARGET, always_inline)) f32 operator()(f32 y) const {
        return min(max(nearest_integer(y), lowest_), highest_);
    }

private:
    f32 lowest_, highest_;
};

/// The scale s of least squares for x ≈ s · level: of the factors tried, which y · factor are rounded by, the one whose
/// levels l lower Σ w·x² the most, by (Σ w·x·l)² / Σ w·l², and s = Σ w·x·l / Σ w·l².
template <class Values, class Level>
class scale_search {
public:
    /// standard: a first scale.
    __attribute__((LOWBIT_TARGET, always_inline)) scale_search(const Values& x, const Level& level, f32 standard)
        : x_(x),
          level_(level),
          inverse_(divide(splat(1.0f), standard)),
          scale_(standard),
          factor_(splat(1.0f)),
          decrease_(splat(0.0f)) {}

    /// Tries standard / factor.
    __attribute__((LOWBIT_TARGET, always_inline)) void attempt(f32 factor) {
        const f32 by = opaque(multiply(factor, inverse_));
        f32 xl = splat(0.0f), ll = splat(0.0f);
        // Levels first, then sums: vectors have more than they can hold in flight.
        f32 levels[32];
        for (std::ptrdiff_t first = 0; first < x_.size(); first += 32) {
            const std::ptrdiff_t end = first + 32 < x_.size() ? first + 32 : x_.size();
            for (std::ptrdiff_t i = first; i < end; ++i) levels[i - first] = level_(opaque(multiply(x_.plain(i), by)));
            for (std::ptrdiff_t i = first; i < end; ++i) {
                const f32 l = levels[i - first], wl = x_.weighed(l, i);
                xl = plus_product(xl, wl, x_.plain(i));
                ll = plus_product(ll, wl, l);
            }
        }
        const f32 scale = divide(xl, max(ll, splat(0x1p-126f)));
        const f32 decrease = multiply(opaque(multiply(xl, inverse_)), opaque(multiply(scale, inverse_)));
        const mask better = greater(decrease, decrease_);
        scale_ = select(better, scale, scale_);
        factor_ = select(better, factor, factor_);
        decrease_ = select(better, decrease, decrease_);
    }

    /// The best scale, and what `standard` was divided by for it.
    __attribute__((LOWBIT_TARGET, always_inline)) f32 scale() const { return scale_; }
    __attribute__((LOWBIT_TARGET, always_inline)) f32 factor() const { return factor_; }

private:
    const Values& x_;
    const Level& level_;
    f32 inverse_, scale_, factor_, decrease_;
};

/// Whether sums of values of this magnitude stay in the range of float32, so that a search means something.
__attribute__((LOWBIT_TARGET, always_inline)) inline mask searchable(f32 scale) {
    return both(greater(magnitude(scale), splat(0x1p-80f)), greater(splat(0x1p80f), magnitude(scale)));
}

/// The best scale of each block for the table: of coarse steps from the standard one and from its negative (a table
/// need not be symmetric), and of finer and finer ones from there.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 best_codebook_scale(const float* x, const float* weights,
                                                                             std::ptrdiff_t n,
                                                                             const codebook_search& table) {
    f32 amax = splat(0.0f);
    for (std::ptrdiff_t i = 0; i < n; ++i) amax = max(amax, magnitude(load(x + i * lane_count)));
    const f32 standard = opaque(divide(amax, splat(table.top)));
    const level_search level(table.thresholds.data(), table.levels.data());
    const auto find = [&](const auto& values) __attribute__((LOWBIT_TARGET, always_inline)) {
        scale_search search(values, level, opaque(multiply(standard, splat(table.unit))));
        for (const float sign : {1.0f, -1.0f}) {
            for (const float factor : {0.85f, 0.935f, 1.02f, 1.1f, 1.185f, 1.27f, 1.35f}) {
                search.attempt(splat(sign * factor));
            }
        }
        for (const float fine : {0.04f, 0.015f}) {
            const f32 best = search.factor();
            search.attempt(opaque(multiply(best, splat(1.0f - fine))));
            search.attempt(opaque(multiply(best, splat(1.0f + fine))));
        }
        return divide(search.scale(), splat(table.unit));
    };
    return select(searchable(amax), with_weights(x, weights, n, splat(1.0f), splat(0.0f), find), standard);
}

/// The value of the largest magnitude, with its sign; the first of equals.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 signed_largest(const float* x, std::ptrdiff_t n) {
    f32 largest = splat(0.0f);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const f32 value = load(x + i * lane_count);
        largest = select(greater(magnitude(value), magnitude(largest)), value, largest);
    }
    return largest;
}

/// The best scale of each block for integers: of the neighbourhood of `standard`.
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 best_integer_scale(const float* x, const float* weights,
                                                                            std::ptrdiff_t n, f32 standard,
                                                                            const integer_search& how) {
    const integer_levels level(how.lowest, how.highest);
    const float step = quotient(how.spread, static_cast<float>(how.steps));
    const auto find = [&](const auto& values) __attribute__((LOWBIT_TARGET, always_inline)) {
        scale_search search(values, level, standard);
        for (int k = -how.steps; k <= how.steps; ++k) {
            search.attempt(splat(1.0f + lowbit::opaque(static_cast<float>(k) * step)));
        }
        return search.scale();
    };
    return select(searchable(standard), with_weights(x, weights, n, splat(1.0f), splat(0.0f), find), standard);
}

/// x ≈ scale · code + minimum.
struct scale_and_minimum {
    f32 scale, minimum;
};

/// The line of least squares through codes 0 … highest of values y from 0 to `highest`, at most 32 of them: of codes
/// rounded with steps up to one code's width finer and coarser. `most`: the largest minimum allowed.
template <class Values>
__attribute__((LOWBIT_TARGET, always_inline)) inline scale_and_minimum line_of_codes(const Values& values, int highest,
                                                                                     int steps, f32 most) {
    const f32 zero = splat(0.0f), tiny = splat(0x1p-126f), top = splat(static_cast<float>(highest));
    const std::ptrdiff_t n = values.size();
    f32 y[32], w1 = zero, wy = zero, wyy = zero;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        y[i] = values.value(i);
        const f32 weighed = values.weighed(y[i], i);
        w1 = opaque(add(w1, values.weighed(splat(1.0f), i)));
        wy = opaque(add(wy, weighed));
        wyy = plus_product(wyy, weighed, y[i]);
    }
    scale_and_minimum best{splat(1.0f), zero};
    f32 least = splat(0x1.fffffep127f);
    const float step = quotient(1.0f, static_cast<float>(steps * highest));
    for (int k = -1; k <= steps; ++k) {
        // The standard step first, then highest − 1 … highest + 1 codes over the range.
        const float stretch = k < 0 ? 0.0f : lowbit::opaque(static_cast<float>(2 * k - steps) * step);
        const f32 factor = splat(1.0f + stretch);
        f32 wl = zero, wll = zero, wyl = zero;
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const f32 l = min(nearest_integer(opaque(multiply(y[i], factor))), top), weighed = values.weighed(l, i);
            wl = opaque(add(wl, weighed));
            wll = plus_product(wll, weighed, l);
            wyl = plus_product(wyl, weighed, y[i]);
        }
        const f32 determinant = opaque(subtract(opaque(multiply(w1, wll)), opaque(multiply(wl, wl))));
        const f32 cross = opaque(subtract(opaque(multiply(wll, wy)), opaque(multiply(wl, wyl))));
        const f32 minimum = min(divide(cross, max(determinant, tiny)), most);
        // With the minimum m given: the scale Σ w·(y − m)·l / Σ w·l², the error Σ w·(y − m)² − scale · Σ w·(y − m)·l.
        const f32 product = opaque(subtract(wyl, opaque(multiply(minimum, wl))));
        const f32 scale = divide(product, max(wll, tiny));
        const f32 twice = opaque(add(wy, opaque(subtract(wy, opaque(multiply(minimum, w1))))));
        const f32 square = opaque(subtract(wyy, opaque(multiply(minimum, twice))));
        const f32 error = opaque(subtract(square, opaque(multiply(scale, product))));
        const mask better = both(greater(determinant, zero), both(greater(scale, zero), greater(least, error)));
        least = select(better, error, least);
        best.scale = select(better, scale, best.scale);
        best.minimum = select(better, minimum, best.minimum);
    }
    return best;
}

/// Σ w·(|y| − level(|y| · factor) · step)².
template <class Values, class Level>
__attribute__((LOWBIT_TARGET, always_inline)) inline f32 squared_error(const Values& y, const Level& level, f32 factor,
                                                                       f32 step) {
    f32 sum = splat(0.0f);
    for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
        const f32 value = magnitude(y.value(i));
        const f32 decoded = opaque(multiply(level(opaque(multiply(value, factor))), step));
        const f32 difference = opaque(subtract(value, decoded));
        sum = plus_product(sum, y.weighed(difference, i), difference);
    }
    return sum;
}

/// Of the codes of scales that are tried, the one with the least error for values in units of the standard scale; the
/// first of equals.
template <class Values, class Level>
class code_search {
public:
    __attribute__((LOWBIT_TARGET, always_inline)) code_search(const Values& y, const Level& level, i32 standard)
        : y_(y), level_(level), best_(standard), least_(squared_error(y, level, splat(1.0f), splat(1.0f))) {}

    /// Tries the code of a scale that is `step` standard ones; factor: 1 / step.
    __attribute__((LOWBIT_TARGET, always_inline)) void attempt(i32 code, f32 factor, f32 step) {
        const f32 error = squared_error(y_, level_, factor, step);
        const mask better = greater(least_, error);
        least_ = select(better, error, least_);
        best_ = select(better, code, best_);
    }
    __attribute__((LOWBIT_TARGET, always_inline)) i32 best() const { return best_; }

private:
    const Values& y_;
    const Level& level_;
    i32 best_;
    f32 least_;
};

/// Smallest and largest value of each block (and 0, where that is `seen`); the first of equals.
struct value_range {
    f32 lowest, largest;

    __attribute__((LOWBIT_TARGET, always_inline)) value_range(const float* x, std::ptrdiff_t n, f32 first)
        : lowest(first), largest(first) {
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            lowest = seen_min(load(x + i * lane_count), lowest);
            largest = seen_max(load(x + i * lane_count), largest);
        }
    }
};

/// The best line of each block, in a neighbourhood of the one through its ends.
__attribute__((LOWBIT_TARGET, always_inline)) inline scale_and_minimum best_line(const float* x, const float* weights,
                                                                                 std::ptrdiff_t n,
                                                                                 const value_range& range,
                                                                                 const line_search& how) {
    const f32 width = opaque(subtract(range.largest, range.lowest));
    const f32 standard = opaque(divide(width, splat(static_cast<float>(how.highest))));
    const f32 factor = divide(splat(1.0f), standard);
    const f32 zero = opaque(multiply(opaque(subtract(splat(0.0f), range.lowest)), factor));
    const f32 most = how.up_to_zero ? zero : splat(0x1p100f);
    const auto find = [&](const auto& values) __attribute__((LOWBIT_TARGET, always_inline)) {
        return line_of_codes(values, how.highest, how.steps, most);
    };
    const scale_and_minimum line = with_weights(x, weights, n, factor, range.lowest, find);
    const f32 minimum = add(opaque(multiply(line.minimum, standard)), range.lowest);
    const mask worth = searchable(standard);
    return {select(worth, opaque(multiply(line.scale, standard)), standard), select(worth, minimum, range.lowest)};
}

/// The multiples of step.scale and step.minimum nearest to `exact`, from 0 to 63.
__attribute__((LOWBIT_TARGET, always_inline)) inline scale_and_minimum nearest_multiples(
    const scale_and_minimum& exact, const scale_and_minimum& step) {
    const integer_levels multiple(0.0f, 63.0f);
    return {multiple(opaque(multiply(exact.scale, reciprocal_or_zero(step.scale)))),
            multiple(opaque(multiply(exact.minimum, reciprocal_or_zero(step.minimum))))};
}

/// Which multiples a of step.scale and b of step.minimum, from 0 to 63, give the least error of
/// x ≈ a·step.scale·q − b·step.minimum with 4-bit codes q: of `first` and its neighbours, and so on `rounds` times.
__attribute__((LOWBIT_TARGET, always_inline)) inline scale_and_minimum best_multiples(
    const float* x, const float* weights, std::ptrdiff_t n, const scale_and_minimum& step,
    const scale_and_minimum& first, int rounds) {
    const integer_levels level(0.0f, 15.0f), multiple(0.0f, 63.0f);
    const auto find = [&](const auto& values) __attribute__((LOWBIT_TARGET, always_inline)) {
        scale_and_minimum best = first;
        f32 least = splat(0x1.fffffep127f);
        for (int round = 0; round < rounds; ++round) {
            const scale_and_minimum around = best;
            for (const float i : {-1.0f, 0.0f, 1.0f}) {
                const f32 a = multiple(add(around.scale, splat(i)));
                const f32 scale = opaque(multiply(a, step.scale)), inverse = reciprocal_or_zero(scale);
                for (const float j : {-1.0f, 0.0f, 1.0f}) {
                    const f32 b = multiple(add(around.minimum, splat(j)));
                    const f32 offset = opaque(multiply(b, step.minimum));
                    f32 error = splat(0.0f);
                    for (std::ptrdiff_t k = 0; k < n; ++k) {
                        const f32 shifted = opaque(add(values.plain(k), offset));
                        const f32 q = level(opaque(multiply(shifted, inverse)));
                        const f32 difference = opaque(subtract(shifted, opaque(multiply(scale, q))));
                        error = plus_product(error, values.weighed(difference, k), difference);
                    }
                    const mask better = greater(least, error);
                    least = select(better, error, least);
                    best.scale = select(better, a, best.scale);
                    best.minimum = select(better, b, best.minimum);
                }
            }
        }
        return best;
    };
    return with_weights(x, weights, n, splat(1.0f), splat(0.0f), find);
}

}  // namespace lowbit::detail::LOWBIT_LANES
