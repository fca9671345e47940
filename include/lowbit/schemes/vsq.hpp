// SPDX-License-Identifier: Apache-2.0
/// @file
/// VS-Quant: N-bit elements, an M-bit scale for every vector of V of them, one float γ for each channel or the tensor
/// (Dai et al. 2021). N + M/V bits an element, 4.25 for "vsq4s4v16", and γ. The arithmetic: kernels/block_vsq.hpp.
///
/// Vectors run along the last axis. Channels are along axis 0; a tensor of one axis is one channel.
#pragma once

#include <lowbit/kernels/block_vsq.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// What shares one γ.
enum class vsq_gamma_of { channel, tensor };

/// The scheme "vsqNsMvV".
struct vsq {
    int bits = 4;                ///< N: 2 … 8
    int scale_bits = 4;          ///< M: 1 … 16
    std::ptrdiff_t vector = 16;  ///< V
    vsq_order order = vsq_order::b;
    vsq_gamma_of gamma = vsq_gamma_of::channel;
    bool is_signed = true;  ///< else elements are 0 … 2^N − 1 and negative values become 0

    bool operator==(const vsq&) const = default;
};

/// The scales of a vsq tensor.
struct vsq_scales {
    packed_codes vectors;      ///< s_q, M bits for each vector
    std::vector<float> gamma;  ///< one for each channel, or one

    bool operator==(const vsq_scales&) const = default;
};

/// What `quantize(x, vsq{…})` returns.
using vsq_tensor = block_tensor<vsq, vsq_scales>;

namespace detail {

inline vsq_format kernel_format(const vsq& s) {
    check(s.bits >= 2 && s.bits <= 8, "vsq: ", s.bits, " element bits; 2 to 8 are supported");
    check(s.scale_bits >= 1 && s.scale_bits <= 16, "vsq: ", s.scale_bits, " scale bits; 1 to 16 are supported");
    return {s.bits, s.scale_bits, s.vector, s.order, s.is_signed};
}

/// Number of γ.
inline std::ptrdiff_t gamma_count(const vsq& s, const tensor_shape& shape) {
    return s.gamma == vsq_gamma_of::tensor || shape.rank() < 2 ? 1 : shape[0];
}

/// The values that share a γ are consecutive.
inline std::ptrdiff_t values_of_gamma(const vsq& s, const tensor_shape& shape) {
    const std::ptrdiff_t count = gamma_count(s, shape);
    return count == 0 ? 0 : shape.size() / count;
}

template <class Byte>
block_streams<2, Byte> vsq_streams(const vsq& s, const block_runs& runs, Byte* codes, Byte* scales) {
    return {{codes, scales}, {runs.values * s.bits, ceil_div(runs.values, s.vector) * s.scale_bits}};
}

}  // namespace detail

inline std::ptrdiff_t bytes(const vsq& s, const tensor_shape& shape) {
    return packed_bytes(shape.size(), s.bits) + packed_bytes(block_lines(shape, -1, s.vector).count(), s.scale_bits) +
           4 * detail::gamma_count(s, shape);
}

/// Errors: parts that do not fit together; a γ that is not finite.
inline void check_parts(const vsq& s, const tensor_shape& shape, const packed_codes& codes, const vsq_scales& scales) {
    detail::kernel_format(s);
    detail::check_block_parts("vsq", shape, codes, s.bits, block_lines(shape, -1, s.vector).count(),
                              scales.vectors.size());
    check(scales.vectors.bits() == s.scale_bits, "vsq: scales of ", scales.vectors.bits(), " bits, not ", s.scale_bits);
    check(static_cast<std::ptrdiff_t>(scales.gamma.size()) == detail::gamma_count(s, shape),
          "vsq: ", scales.gamma.size(), " gammas for ", detail::gamma_count(s, shape), " channels");
    for (std::size_t i = 0; i < scales.gamma.size(); ++i) {
        check(is_finite(scales.gamma[i]), "vsq: gamma of channel ", i, " is not finite");
    }
}

/// x in vectors along the last axis. Importance has no use here. Errors: infinite values. Complexity O(n).
inline vsq_tensor encode(tensor_view<const float> x, const vsq& s, std::span<const float> /*importance*/,
                         const executor& exec) {
    const vsq_format format = detail::kernel_format(s);
    const detail::finite_input input(x, "vsq");
    const float* values = input.view().data();
    const block_lines lines(x.shape(), -1, s.vector);
    const std::ptrdiff_t together = detail::values_of_gamma(s, x.shape());
    const detail::block_runs runs(lines, together);
    packed_codes codes(x.size(), s.bits, s.is_signed);
    vsq_scales scales{packed_codes(lines.count(), s.scale_bits, false),
                      std::vector<float>(static_cast<std::size_t>(detail::gamma_count(s, x.shape())), 1.0f)};
    exec.parallel_for(together == 0 ? 0 : detail::gamma_count(s, x.shape()), [&](std::ptrdiff_t channel) {
        const float amax = vsq_amax(values + channel * together, together, s.is_signed);
        scales.gamma[static_cast<std::size_t>(channel)] = vsq_gamma(amax, format);
    });
    const auto streams = detail::vsq_streams(s, runs, codes.bytes().data(), scales.vectors.bytes().data());
    const caching how = detail::stores_of(codes);
    detail::for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        const float gamma = scales.gamma[static_cast<std::size_t>(first / together)];
        quantize_vsq(values + first, n, gamma, format, at[0], at[1], how);
        finish_stores(how);
    });
    return {s, x.shape(), std::move(codes), std::move(scales)};
}

namespace detail {

/// `count` lines from line `first` (a multiple of 8, or 0) on; whole channels where γ is per channel.
inline void decode_lines(const vsq_tensor& q, std::ptrdiff_t first, std::ptrdiff_t count, float* out,
                         const executor& exec) {
    const vsq& s = q.scheme();
    const block_lines lines = block_lines(q.shape(), -1, s.vector).part(count);
    const bool one_gamma = gamma_count(s, q.shape()) == 1;
    const std::ptrdiff_t together = one_gamma ? count * lines.length : values_of_gamma(s, q.shape());
    const block_runs runs(lines, together);
    const auto streams =
        vsq_streams(s, runs, q.packed().bytes().data() + packed_bytes(first * lines.length, s.bits),
                    q.scales().vectors.bytes().data() + packed_bytes(first * lines.per_line(), s.scale_bits));
    const caching how = stores_of_values(runs);
    for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t at_value, std::ptrdiff_t n, auto at) {
        const std::ptrdiff_t channel = one_gamma ? 0 : (first * lines.length + at_value) / together;
        dequantize_vsq(at[0], at[1], n, q.scales().gamma[static_cast<std::size_t>(channel)], kernel_format(s),
                       out + at_value, how);
        finish_stores(how);
    });
}

}  // namespace detail

inline void decode(const vsq_tensor& q, tensor_view<float> out, const executor& exec) {
    detail::decode_lines(q, 0, block_lines(q.shape(), -1, q.scheme().vector).lines, out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
inline void decode_rows(const vsq_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const detail::row_lines lines(q.shape(), first, rows);
    detail::decode_lines(q, lines.first, lines.count, out, {});
}

/// Reads "vsqNsMvV" and its suffixes. False where the name is another's.
inline bool parse(scheme_text& text, vsq& s) {
    const std::string_view name = text.name();
    if (name.substr(0, 3) != "vsq") return false;
    s = {};
    const char* at = name.data() + 3;
    const char* const end = name.data() + name.size();
    const auto number = [&](char before, auto& value) {
        if (before != 0 && (at == end || *at++ != before)) return false;
        const auto [next, status] = std::from_chars(at, end, value);
        at = next;
        return status == std::errc{};
    };
    if (!number(0, s.bits) || !number('s', s.scale_bits) || !number('v', s.vector) || at != end) return false;
    detail::kernel_format(s);
    check(s.vector >= 1, "scheme \"", name, "\": the vector length must be at least 1");
    if (const auto order = text.take_choice("order", {"A", "B"})) s.order = static_cast<vsq_order>(*order);
    if (const auto gamma = text.take_choice("gamma", {"channel", "tensor"}))
        s.gamma = static_cast<vsq_gamma_of>(*gamma);
    s.is_signed = !text.take_flag("unsigned");
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const vsq& s) {
    std::string text = detail::concat("vsq", s.bits, "s", s.scale_bits, "v", s.vector);
    if (s.order == vsq_order::a) text += ":order=A";
    if (s.gamma == vsq_gamma_of::tensor) text += ":gamma=tensor";
    if (!s.is_signed) text += ":unsigned";
    return text;
}

}  // namespace lowbit
