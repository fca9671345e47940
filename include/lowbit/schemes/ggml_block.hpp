// SPDX-License-Identifier: Apache-2.0
/// @file
/// The block formats of ggml's GGUF files, for interchange: `q.blocks()` are the bytes of such a file, and blocks read
/// from one make a tensor. The layouts and the arithmetic: kernels/block_ggml.hpp. Blocks run along the last axis, as
/// they do in GGUF; a line that does not fill its last block is padded with zeros there.
///
/// "q4_0", "q4_1", "q8_0", "q4_k", "q6_k", and "iq4_nl" and "ggml_mxfp4": 4.5, 5, 8.5, 4.5, 6.5625, 4.5, 4.25 bits an
/// element. `:scale=mse` searches each block's scale (q4_k, q6_k and iq4_nl always do; q4_k and q6_k then search more).
/// SQNR in dB over 2^20 samples, standard → mse:
///
///               gaussian         Student-t, 4 degrees of freedom
///     q4_0      21.32 → 21.85    18.76 → 19.12
///     q4_1      22.13 → 23.11    20.59 → 21.53
///     q8_0      45.43 → 46.28    42.75 → 43.37
///     q4_k      23.07 → 23.09    21.46 → 21.47    (ggml's own search: 22.93 and 21.27)
///     q6_k      35.55 → 35.56    33.28 → 33.28    (35.02 and 32.86)
///     iq4_nl    22.69            20.93            (22.37 and 20.61)
///     mx_fp4    18.80 → 19.06    17.66 → 17.90
#pragma once

#include <lowbit/kernels/block_ggml.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// The schemes "q4_0", "q4_1", "q8_0", "q4_k", "q6_k", "iq4_nl" and "ggml_mxfp4".
struct ggml_block {
    ggml_type type = ggml_type::q4_0;
    block_scale scale = block_scale::standard;

    bool operator==(const ggml_block&) const = default;
};

namespace detail {

inline block_lines ggml_lines(const ggml_block& s, const tensor_shape& shape) {
    return {shape, -1, ggml_block_size(s.type)};
}

}  // namespace detail

inline std::ptrdiff_t bytes(const ggml_block& s, const tensor_shape& shape) {
    return detail::ggml_lines(s, shape).count() * ggml_block_bytes(s.type);
}

/// What `quantize(x, ggml_block{…})` returns: the blocks as bytes.
class ggml_tensor : public sized_by_scheme<ggml_tensor> {
public:
    ggml_tensor() = default;
    /// Takes blocks as they stand in a GGUF file. Errors: another number of bytes than the shape needs.
    ggml_tensor(const ggml_block& scheme, const tensor_shape& shape, std::span<const std::uint8_t> blocks)
        : scheme_(scheme), shape_(shape), blocks_(blocks.begin(), blocks.end()) {
        check(static_cast<std::ptrdiff_t>(blocks.size()) == bytes(), "ggml_block: ", blocks.size(), " bytes for ",
              to_string(shape), ", which takes ", bytes());
    }

    const ggml_block& scheme() const { return scheme_; }
    const tensor_shape& shape() const { return shape_; }
    /// The bytes of all blocks, line after line.
    std::span<const std::uint8_t> blocks() const { return blocks_; }
    /// The codes q of the layout (kernels/block_ggml.hpp), unsigned but for q8_0's int8.
    tensor<std::int32_t> codes() const {
        const block_lines lines = detail::ggml_lines(scheme_, shape_);
        tensor<std::int32_t> codes(shape_);
        std::vector<std::uint8_t> line(static_cast<std::size_t>(lines.length));
        for (std::ptrdiff_t i = 0; i < lines.lines; ++i) {
            ggml_codes(line_blocks(i), lines.length, scheme_.type, line.data());
            std::transform(line.begin(), line.end(), codes.data() + i * lines.length, [&](std::uint8_t code) {
                return scheme_.type == ggml_type::q8_0 ? static_cast<std::int8_t>(code) : std::int32_t{code};
            });
        }
        return codes;
    }
    /// The blocks of a line along the last axis.
    const std::uint8_t* line_blocks(std::ptrdiff_t line) const {
        return blocks_.data() + line * detail::ggml_lines(scheme_, shape_).per_line() * ggml_block_bytes(scheme_.type);
    }

    bool operator==(const ggml_tensor&) const = default;

private:
    ggml_block scheme_;
    tensor_shape shape_{0};
    std::vector<std::uint8_t> blocks_;
};

namespace detail {

inline block_streams<1, const std::uint8_t> ggml_streams(const ggml_block& s, const block_runs& runs,
                                                         const std::uint8_t* blocks) {
    return {{blocks}, {8 * ggml_block_bytes(s.type) * ceil_div(runs.values, ggml_block_size(s.type))}};
}

/// Errors: a value whose block's scale would pass float16's range, by its index.
inline void check_float16_range(const finite_input& finite, ggml_type type) {
    const float largest = type == ggml_type::mx_fp4   ? std::numeric_limits<float>::max()
                          : type == ggml_type::q4_1   ? 65504.0f
                          : type == ggml_type::q8_0   ? 65504.0f * 127
                          : type == ggml_type::iq4_nl ? 65504.0f * 64
                                                      : 65504.0f * 8;
    if (finite.largest() <= largest) return;
    const tensor_view<const float> x = finite.view();
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
        check(x[i] >= -largest && x[i] <= largest, "ggml_block: ", x[i], " at index ", i,
              " needs a scale past float16's range; scale the tensor down");
    }
}

}  // namespace detail

/// x in blocks along the last axis. importance is heeded by searches. Errors: infinite values; values whose scale
/// float16 cannot hold. Complexity O(n).
inline ggml_tensor encode(tensor_view<const float> x, const ggml_block& s, std::span<const float> importance,
                          const executor& exec) {
    const detail::finite_input finite(x, "ggml_block");
    detail::check_float16_range(finite, s.type);
    const detail::block_input input(finite.view(), importance, -1);
    const detail::block_runs runs(detail::ggml_lines(s, x.shape()), x.size());
    std::vector<std::uint8_t> blocks(static_cast<std::size_t>(bytes(s, x.shape())));
    const std::ptrdiff_t run_bytes = detail::ggml_streams(s, runs, nullptr).bits[0] / 8;
    exec.parallel_for(runs.count(), [&](std::ptrdiff_t run) {
        const std::ptrdiff_t first = run * runs.values, n = std::min(runs.values, runs.total - first);
        quantize_ggml(input.values(first), n, s.type, s.scale == block_scale::mse, input.importance(first),
                      blocks.data() + run * run_bytes);
    });
    return {s, x.shape(), blocks};
}

namespace detail {

/// `count` lines from line `first` on.
inline void decode_lines(const ggml_tensor& q, std::ptrdiff_t first, std::ptrdiff_t count, float* out,
                         const executor& exec) {
    const block_lines lines = ggml_lines(q.scheme(), q.shape()).part(count);
    const block_runs runs(lines, count * lines.length);
    const auto streams = ggml_streams(q.scheme(), runs, q.line_blocks(first));
    const caching how = stores_of_values(runs);
    for_each_run(runs, streams, exec, [&](std::ptrdiff_t, std::ptrdiff_t at_value, std::ptrdiff_t n, auto at) {
        dequantize_ggml(at[0], n, q.scheme().type, out + at_value, how);
        finish_stores(how);
    });
}

}  // namespace detail

inline void decode(const ggml_tensor& q, tensor_view<float> out, const executor& exec) {
    detail::decode_lines(q, 0, detail::ggml_lines(q.scheme(), q.shape()).lines, out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
inline void decode_rows(const ggml_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const detail::row_lines lines(q.shape(), first, rows);
    detail::decode_lines(q, lines.first, lines.count, out, {});
}

namespace detail {

inline constexpr std::string_view ggml_names[] = {"q4_0", "q4_1", "q8_0", "q4_k", "q6_k", "iq4_nl", "ggml_mxfp4"};

}  // namespace detail

/// Reads "q4_0" and the like with `:scale=mse`. False where the name is another's.
inline bool parse(scheme_text& text, ggml_block& s) {
    const auto* const found = std::find(std::begin(detail::ggml_names), std::end(detail::ggml_names), text.name());
    if (found == std::end(detail::ggml_names)) return false;
    s = {.type = static_cast<ggml_type>(found - std::begin(detail::ggml_names))};
    detail::take_mse(text, s.scale);
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const ggml_block& s) {
    std::string text(detail::ggml_names[static_cast<std::size_t>(s.type)]);
    if (s.scale == block_scale::mse) text += ":scale=mse";
    return text;
}

}  // namespace lowbit
