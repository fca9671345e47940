// SPDX-License-Identifier: Apache-2.0
/// @file
/// Shared microexponents (Rouhani et al. 2023): MX9, MX6 and MX4 are microexponent<7>, <4> and <2> with blocks of 16
/// and pairs; MSFP16 and MSFP12 are microexponent<7> and <3> without pairs. 9, 6, 4, 8.5 and 4.5 bits an element. The
/// arithmetic: kernels/block_microexponent.hpp.
///
/// NaN and infinity can be stored: they make their block NaN.
#pragma once

#include <lowbit/kernels/block_microexponent.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// Sign and M-bit magnitudes, one exponent byte for a block, one bit for each pair.
template <int M>
struct microexponent {
    static_assert(M >= 1 && M <= 15, "microexponent: 1 to 15 mantissa bits");

    std::ptrdiff_t block = 16;
    std::ptrdiff_t pair = M == 3 ? 0 : 2;  ///< values that share a bit; 0: none do (MSFP)
    lowbit::ties ties = lowbit::ties::even;

    bool operator==(const microexponent&) const = default;
};

namespace detail {

struct msfp16_scheme : microexponent<7> {
    constexpr msfp16_scheme() : microexponent<7>{.pair = 0} {}
};

template <int M>
microexponent_format kernel_format(const microexponent<M>& s) {
    return {.mantissa_bits = M, .block = s.block, .pair = s.pair, .rule = s.ties};
}

}  // namespace detail

using mx9 = microexponent<7>;
using mx6 = microexponent<4>;
using mx4 = microexponent<2>;
using msfp16 = detail::msfp16_scheme;
using msfp12 = microexponent<3>;

/// The exponents of the blocks and the bits of the pairs.
struct microexponent_scales {
    std::vector<std::uint8_t> exponents;  ///< E + 127; 255: NaN
    packed_codes shifts;                  ///< τ, one bit for each pair of each block

    bool operator==(const microexponent_scales&) const = default;
};

/// What `quantize(x, microexponent<M>{…})` returns. Codes: magnitude in the low M bits, sign above.
template <int M>
using microexponent_tensor = block_tensor<microexponent<M>, microexponent_scales>;

/// A block with NaN or infinity is stored as NaN.
template <int M>
constexpr bool stores_nan(const microexponent<M>&) {
    return true;
}

namespace detail {

/// Pair bits of the whole tensor.
template <int M>
std::ptrdiff_t pair_count(const microexponent<M>& s, const tensor_shape& shape) {
    check(s.pair >= 0, "microexponent: the pair size is ", s.pair, "; it must be at least 1, or 0 for none");
    const block_lines lines(shape, -1, s.block);
    return lines.lines * kernel_format(s).pairs(lines.length);
}

}  // namespace detail

template <int M>
std::ptrdiff_t bytes(const microexponent<M>& s, const tensor_shape& shape) {
    return packed_bytes(shape.size(), 1 + M) + block_lines(shape, -1, s.block).count() +
           packed_bytes(detail::pair_count(s, shape), 1);
}

/// Errors: parts that do not fit together.
template <int M>
void check_parts(const microexponent<M>& s, const tensor_shape& shape, const packed_codes& codes,
                 const microexponent_scales& scales) {
    detail::check_block_parts("microexponent", shape, codes, 1 + M, block_lines(shape, -1, s.block).count(),
                              static_cast<std::ptrdiff_t>(scales.exponents.size()));
    check(scales.shifts.size() == detail::pair_count(s, shape) && scales.shifts.bits() == 1,
          "microexponent: ", scales.shifts.size(), " pair bits for ", detail::pair_count(s, shape), " pairs");
}

namespace detail {

/// Codes, exponents and pair bits of a run.
template <int M, class Byte>
block_streams<3, Byte> microexponent_streams(const microexponent<M>& s, const block_runs& runs, Byte* codes,
                                             Byte* exponents, Byte* shifts) {
    return {{codes, exponents, shifts},
            {runs.values * (1 + M), 8 * ceil_div(runs.values, s.block), kernel_format(s).pairs(runs.values)}};
}

}  // namespace detail

/// x in blocks along the last axis. Importance has no use here: the format leaves no choice. Complexity O(n).
template <int M>
microexponent_tensor<M> encode(tensor_view<const float> x, const microexponent<M>& s,
                               std::span<const float> /*importance*/, const executor& exec) {
    const block_lines lines(x.shape(), -1, s.block);
    const detail::block_runs runs(lines, x.size());
    packed_codes codes(x.size(), 1 + M, false);
    microexponent_scales scales{std::vector<std::uint8_t>(static_cast<std::size_t>(lines.count())),
                                packed_codes(detail::pair_count(s, x.shape()), 1, false)};
    const auto streams = detail::microexponent_streams(s, runs, codes.bytes().data(), scales.exponents.data(),
                                                       scales.shifts.bytes().data());
    const caching how = detail::stores_of(codes);
    detail::for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        quantize_microexponent(x.data() + first, n, detail::kernel_format(s), at[0], at[1], at[2], how);
        finish_stores(how);
    });
    return {s, x.shape(), std::move(codes), std::move(scales)};
}

namespace detail {

/// `count` lines from line `first` (a multiple of 8, or 0) on.
template <int M>
void decode_lines(const microexponent_tensor<M>& q, std::ptrdiff_t first, std::ptrdiff_t count, float* out,
                  const executor& exec) {
    const microexponent_format format = kernel_format(q.scheme());
    const block_lines lines = block_lines(q.shape(), -1, q.scheme().block).part(count);
    const block_runs runs(lines, count * lines.length);
    const auto streams =
        microexponent_streams(q.scheme(), runs, q.packed().bytes().data() + packed_bytes(first * lines.length, 1 + M),
                              q.scales().exponents.data() + first * lines.per_line(),
                              q.scales().shifts.bytes().data() + packed_bytes(first * format.pairs(lines.length), 1));
    const caching how = stores_of_values(runs);
    for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t at_value, std::ptrdiff_t n, auto at) {
        dequantize_microexponent(at[0], at[1], at[2], n, format, out + at_value, how);
        finish_stores(how);
    });
}

}  // namespace detail

template <int M>
void decode(const microexponent_tensor<M>& q, tensor_view<float> out, const executor& exec) {
    detail::decode_lines(q, 0, block_lines(q.shape(), -1, q.scheme().block).lines, out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
template <int M>
void decode_rows(const microexponent_tensor<M>& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const detail::row_lines lines(q.shape(), first, rows);
    detail::decode_lines(q, lines.first, lines.count, out, {});
}

/// Reads "mx9", "mx6", "mx4", "msfp16" or "msfp12", whichever has M mantissa bits, with its suffixes.
template <int M>
bool parse(scheme_text& text, microexponent<M>& s) {
    const bool box = (M == 7 && text.name() == "msfp16") || (M == 3 && text.name() == "msfp12");
    const bool paired =
        (M == 7 && text.name() == "mx9") || (M == 4 && text.name() == "mx6") || (M == 2 && text.name() == "mx4");
    if (!box && !paired) return false;
    s = {.pair = box ? 0 : 2};
    if (const auto rule = text.take_choice("ties", {"even", "away"})) s.ties = static_cast<ties>(*rule);
    if (const auto block = text.take_integer("block")) s.block = *block;
    if (const auto pair = text.take_integer("pair")) s.pair = *pair;
    check(s.block >= 1 && s.pair >= 0, "scheme \"", text.name(), "\": :block=", s.block, " and :pair=", s.pair,
          " must be at least 1 and 0");
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
template <int M>
std::string to_string(const microexponent<M>& s) {
    static_assert(M == 7 || M == 4 || M == 3 || M == 2, "microexponent: only 7, 4, 3 and 2 mantissa bits have a name");
    const bool box = M == 3 || (M == 7 && s.pair == 0);
    std::string text = M == 7 ? (box ? "msfp16" : "mx9") : M == 4 ? "mx6" : M == 3 ? "msfp12" : "mx4";
    if (s.ties == ties::away) text += ":ties=away";
    if (s.block != 16) text += detail::concat(":block=", s.block);
    if (s.pair != (box ? 0 : 2)) text += detail::concat(":pair=", s.pair);
    return text;
}

}  // namespace lowbit
