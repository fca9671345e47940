// SPDX-License-Identifier: Apache-2.0
/// @file
/// OCP Microscaling (MX) v1.0: MXFP8, MXFP6, MXFP4, MXINT8. Blocks of 32 small floats (or integers) share one power of
/// two, an E8M0 byte: 8.25, 6.25, 4.25 and 8.25 bits an element. The arithmetic: kernels/block_mx.hpp.
///
/// SQNR in dB over 2^20 samples, with floor (the standard's scale) and what the other rules change:
///
///                 gaussian                               Student-t, 4 degrees of freedom
///                 floor   ceil   even   roundup  mse     floor   ceil   even   roundup  mse
///     mxfp8e4m3   30.65  31.52  31.17   31.52   31.52    29.89  31.52  30.75   31.52   31.52
///     mxfp8e5m2   25.35  25.53  25.53   25.53   25.53    25.20  25.57  25.57   25.57   25.57
///     mxfp6e3m2   25.35  25.53  25.53   25.53   25.53    25.20  25.57  25.57   25.57   25.57
///     mxfp6e2m3   30.94  28.76  30.98   30.95   30.99    30.01  26.69  30.04   29.94   30.06
///     mxfp4       18.80  16.82  19.04   18.76   19.06    17.66  14.83  17.80   17.14   17.90
///     mxint8      41.65  35.63  41.62   41.59   41.70    39.33  33.31  39.30   39.27   39.40
///
/// So mse is worth up to 1.6 dB with E4M3 elements, 0.25 dB with E2M1, and next to nothing for the others.
/// NaN and infinity can be stored: they make their block NaN.
#pragma once

#include <lowbit/kernels/block_mx.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// The schemes "mxfp8e4m3", "mxfp8e5m2", "mxfp6e3m2", "mxfp6e2m3", "mxfp4" and "mxint8".
struct ocp_mx {
    mx_element element = mx_element::e2m1;
    mx_scale scale = mx_scale::floor;
    lowbit::ties ties = lowbit::ties::even;
    int axis = -1;  ///< along which blocks run; −1 is the last

    bool operator==(const ocp_mx&) const = default;
};

namespace detail {

/// An ocp_mx that starts with another element type.
template <mx_element Element>
struct named_mx : ocp_mx {
    constexpr named_mx() : ocp_mx{.element = Element} {}
};

}  // namespace detail

using mxfp8e4m3 = detail::named_mx<mx_element::e4m3>;
using mxfp8e5m2 = detail::named_mx<mx_element::e5m2>;
using mxfp6e3m2 = detail::named_mx<mx_element::e3m2>;
using mxfp6e2m3 = detail::named_mx<mx_element::e2m3>;
using mxfp4 = detail::named_mx<mx_element::e2m1>;
using mxint8 = detail::named_mx<mx_element::int8>;

/// What `quantize(x, ocp_mx{…})` returns. Codes are those of the element type, sign on top (MXINT8: two's complement).
using mx_tensor = block_tensor<ocp_mx, std::vector<e8m0>>;

/// A block with NaN or infinity is stored as NaN.
constexpr bool stores_nan(const ocp_mx&) { return true; }

inline std::ptrdiff_t bytes(const ocp_mx& s, const tensor_shape& shape) {
    return packed_bytes(shape.size(), mx_bits(s.element)) + block_lines(shape, s.axis, mx_format::block).count();
}

/// Errors: parts that do not fit together.
inline void check_parts(const ocp_mx& s, const tensor_shape& shape, const packed_codes& codes,
                        const std::vector<e8m0>& scales) {
    detail::check_block_parts("ocp_mx", shape, codes, mx_bits(s.element),
                              block_lines(shape, s.axis, mx_format::block).count(),
                              static_cast<std::ptrdiff_t>(scales.size()));
}

/// x in blocks of 32 along the axis. importance is heeded by mx_scale::mse. Complexity O(n).
inline mx_tensor encode(tensor_view<const float> x, const ocp_mx& s, std::span<const float> importance,
                        const executor& exec) {
    const block_lines lines(x.shape(), s.axis, mx_format::block);
    const detail::block_runs runs(lines, x.size());
    const detail::block_input input(x, importance, s.axis);
    const mx_format format{s.element, s.scale, s.ties};
    packed_codes codes(x.size(), mx_bits(s.element), s.element == mx_element::int8);
    std::vector<e8m0> scales(static_cast<std::size_t>(lines.count()));
    const detail::block_streams<2, std::uint8_t> streams{
        {codes.bytes().data(), reinterpret_cast<std::uint8_t*>(scales.data())},
        {runs.values * codes.bits(), 8 * ceil_div(runs.values, lines.block)}};
    const caching how = detail::stores_of(codes);
    detail::for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        quantize_mx(input.values(first), n, format, input.importance(first), at[0], at[1], how);
        finish_stores(how);
    });
    return {s, x.shape(), std::move(codes), std::move(scales)};
}

namespace detail {

/// `count` lines from line `first` (a multiple of 8, or 0) on.
inline void decode_lines(const mx_tensor& q, std::ptrdiff_t first, std::ptrdiff_t count, float* out,
                         const executor& exec) {
    const ocp_mx& s = q.scheme();
    const block_lines lines = block_lines(q.shape(), s.axis, mx_format::block).part(count);
    const block_runs runs(lines, count * lines.length);
    const auto* scales = reinterpret_cast<const std::uint8_t*>(q.scales().data());
    const block_streams<2, const std::uint8_t> streams{
        {q.packed().bytes().data() + packed_bytes(first * lines.length, q.packed().bits()),
         scales + first * lines.per_line()},
        {runs.values * q.packed().bits(), 8 * ceil_div(runs.values, lines.block)}};
    const caching how = stores_of_values(runs);
    for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t at_value, std::ptrdiff_t n, auto at) {
        dequantize_mx(at[0], at[1], n, s.element, out + at_value, how);
        finish_stores(how);
    });
}

}  // namespace detail

inline void decode(const mx_tensor& q, tensor_view<float> out, const executor& exec) {
    const std::ptrdiff_t lines = block_lines(q.shape(), q.scheme().axis, mx_format::block).lines;
    detail::decode_moved(out, q.shape(), q.scheme().axis,
                         [&](float* values) { detail::decode_lines(q, 0, lines, values, exec); });
}

/// Rows [first, first + rows) of axis 0 of a tensor with blocks along its last axis; first a multiple of 8.
inline void decode_rows(const mx_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const detail::row_lines lines(q.shape(), first, rows);
    detail::decode_lines(q, lines.first, lines.count, out, {});
}

namespace detail {

inline constexpr std::string_view mx_names[] = {"mxfp8e4m3", "mxfp8e5m2", "mxfp6e3m2", "mxfp6e2m3", "mxfp4", "mxint8"};

}  // namespace detail

/// Reads "mxfp4" and the like with their suffixes. False where the name is another's.
inline bool parse(scheme_text& text, ocp_mx& s) {
    const auto* const found = std::find(std::begin(detail::mx_names), std::end(detail::mx_names), text.name());
    if (found == std::end(detail::mx_names)) return false;
    s = {.element = static_cast<mx_element>(found - std::begin(detail::mx_names))};
    if (const auto rule = text.take_choice("ties", {"even", "away"})) s.ties = static_cast<ties>(*rule);
    if (const auto rule = text.take_choice("scale", {"floor", "ceil", "even", "roundup", "mse"})) {
        s.scale = static_cast<mx_scale>(*rule);
    }
    if (const auto axis = text.take_integer("axis")) s.axis = *axis;
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const ocp_mx& s) {
    constexpr const char* rules[] = {"", ":scale=ceil", ":scale=even", ":scale=roundup", ":scale=mse"};
    std::string text(detail::mx_names[static_cast<std::size_t>(s.element)]);
    if (s.ties == ties::away) text += ":ties=away";
    text += rules[static_cast<std::size_t>(s.scale)];
    if (s.axis != -1) text += detail::concat(":axis=", s.axis);
    return text;
}

}  // namespace lowbit
