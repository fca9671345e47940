// SPDX-License-Identifier: Apache-2.0
/// @file
/// One lane, in plain C++: the words of lanes_avx512.hpp that the searches of isa/block_search_body.inl are written
/// in. So the normative code and that of every instruction set are one text.
#pragma once

#include <lowbit/core/numeric.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowbit::detail::lanes_scalar {

using f32 = float;
using i32 = std::int32_t;
using mask = bool;

inline constexpr std::ptrdiff_t lane_count = 1;

inline f32 load(const float* p) { return *p; }
inline f32 splat(float x) { return x; }
inline f32 multiply(f32 a, f32 b) { return a * b; }
inline f32 add(f32 a, f32 b) { return a + b; }
inline f32 subtract(f32 a, f32 b) { return a - b; }
inline f32 divide(f32 a, f32 b) { return quotient(a, b); }
inline f32 min(f32 a, f32 b) { return a < b ? a : b; }
inline f32 max(f32 a, f32 b) { return a > b ? a : b; }
inline f32 seen_min(f32 x, f32 seen) { return x < seen ? x : seen; }
inline f32 seen_max(f32 x, f32 seen) { return x > seen ? x : seen; }
using lowbit::opaque;
inline f32 nearest_integer(f32 x) { return round_to_integer(x); }
inline i32 bits(f32 x) { return std::bit_cast<i32>(x); }
inline f32 as_float(i32 x) { return std::bit_cast<float>(x); }

inline i32 splat(std::int32_t x) { return x; }
inline i32 subtract(i32 a, i32 b) { return a - b; }
inline i32 bit_and(i32 a, i32 b) { return a & b; }
inline i32 min(i32 a, i32 b) { return a < b ? a : b; }
inline i32 max(i32 a, i32 b) { return a > b ? a : b; }
template <int N>
i32 shift_left(i32 a) {
    return static_cast<i32>(static_cast<std::uint32_t>(a) << N);
}
template <int N>
i32 shift_right(i32 a) {
    return static_cast<i32>(static_cast<std::uint32_t>(a) >> N);
}

inline mask greater(f32 a, f32 b) { return a > b; }
inline mask greater(i32 a, i32 b) { return a > b; }
inline mask both(mask a, mask b) { return a && b; }
inline f32 select(mask m, f32 yes, f32 no) { return m ? yes : no; }
inline i32 select(mask m, i32 yes, i32 no) { return m ? yes : no; }

/// The level between the thresholds around y.
class level_search {
public:
    level_search(const float* thresholds, const float* levels) : thresholds_(thresholds), levels_(levels) {}
    f32 operator()(f32 y) const {
        int rank = 0;
        for (int i = 0; i < 15; ++i) rank += y > thresholds_[i];
        return levels_[rank];
    }

private:
    const float* thresholds_;
    const float* levels_;
};

}  // namespace lowbit::detail::lanes_scalar
