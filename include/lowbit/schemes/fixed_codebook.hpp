// SPDX-License-Identifier: Apache-2.0
/// @file
/// Fixed codebooks: 4-bit codes into a table of 16 levels, one scale for each block along the last axis. The
/// arithmetic: kernels/block_codebook.hpp.
///
///     "nf4"     NormalFloat (Dettmers et al. 2023, QLoRA), blocks of 64, float32 scales: 4.5 bits an element
///     "fp4"     bitsandbytes' 4-bit float (not E2M1), the same way
///     "iq4nl"   the table of ggml's IQ4_NL, blocks of 32, float16 scales found by a search: 4.5 bits
///
/// and any table of the caller's own: "table:levels=…", the bits of the sixteen float32 levels by code as 128
/// hexadecimal digits. With `:double` the scales are quantized too (QLoRA, section 3: double
/// quantization): their mean is taken off, and groups of 256 of them share a float step for 8-bit codes; NF4 then takes
/// 4.127 bits. Elements are always encoded against the scale that will be decoded.
///
/// `:scale=mse` searches the scale of each block. SQNR in dB over 2^20 samples, standard → mse:
///
///               gaussian         Student-t, 4 degrees of freedom
///     nf4       20.73 → 21.64    19.10 → 19.78    (`:double` takes 0.01 and 0.04 off)
///     fp4       18.28 → 18.98    15.51 → 16.13
///     iq4nl     21.26 → 22.69    19.55 → 20.93    (searched unless `:scale=standard`)
#pragma once

#include <lowbit/kernels/block_codebook.hpp>
#include <lowbit/kernels/block_ggml.hpp>
#include <lowbit/schemes/block.hpp>
#include <lowbit/schemes/scale_type.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// NF4's levels: quantiles of the normal distribution, 0 among them, scaled to [−1, 1].
inline constexpr codebook_levels nf4_levels{-1.0f,
                                            -0.6961928009986877f,
                                            -0.5250730514526367f,
                                            -0.39491748809814453f,
                                            -0.28444138169288635f,
                                            -0.18477343022823334f,
                                            -0.09105003625154495f,
                                            0.0f,
                                            0.07958029955625534f,
                                            0.16093020141124725f,
                                            0.24611230194568634f,
                                            0.33791524171829224f,
                                            0.44070982933044434f,
                                            0.5626170039176941f,
                                            0.7229568362236023f,
                                            1.0f};

/// bitsandbytes' FP4: sign and magnitude.
inline constexpr codebook_levels fp4_levels{0.0f,  1.0f / 192,  2.0f / 3,  1.0f,  1.0f / 3,  0.5f,  1.0f / 6,  0.25f,
                                            -0.0f, -1.0f / 192, -2.0f / 3, -1.0f, -1.0f / 3, -0.5f, -1.0f / 6, -0.25f};

/// The schemes "nf4", "fp4", "iq4nl", and tables of the caller's own.
struct fixed_codebook {
    codebook_levels levels = nf4_levels;  ///< by code; finite, not all 0
    std::ptrdiff_t block = 64;
    bool double_quantized = false;  ///< scales in 8 bits
    block_scale scale = block_scale::standard;
    lowbit::scale_type scale_type = lowbit::scale_type::f32;  ///< of scales that are not double-quantized

    bool operator==(const fixed_codebook&) const = default;
};

namespace detail {

/// A fixed_codebook that starts with another table.
struct fp4_scheme : fixed_codebook {
    constexpr fp4_scheme() : fixed_codebook{.levels = fp4_levels} {}
};
struct iq4nl_scheme : fixed_codebook {
    constexpr iq4nl_scheme()
        : fixed_codebook{
              .levels = iq4_nl_levels, .block = 32, .scale = block_scale::mse, .scale_type = lowbit::scale_type::f16} {}
};

/// Scales that share a step when they are double-quantized.
inline constexpr std::ptrdiff_t scale_group = 256;

}  // namespace detail

using nf4 = fixed_codebook;
using fp4 = detail::fp4_scheme;
using iq4nl = detail::iq4nl_scheme;

/// The scales of a fixed_codebook tensor: `plain`, or all the others.
struct fixed_codebook_scales {
    std::vector<float> plain;        ///< one for each block, rounded to the scheme's scale type
    std::vector<std::int8_t> codes;  ///< one for each block
    std::vector<float> steps;        ///< one for each 256 codes
    float mean = 0;

    bool operator==(const fixed_codebook_scales&) const = default;

    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(codes.empty() ? plain.size() : codes.size()); }

    /// The scales of `count` blocks from block `first` on.
    std::vector<float> values(std::ptrdiff_t first, std::ptrdiff_t count) const {
        if (codes.empty()) return {plain.begin() + first, plain.begin() + first + count};
        std::vector<float> scales;
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(first + count); ++i) {
            scales.push_back(opaque(static_cast<float>(codes[i]) * steps[i / detail::scale_group]) + mean);
        }
        return scales;
    }
};

/// What `quantize(x, fixed_codebook{…})` returns. Codes are indices of levels.
using fixed_codebook_tensor = block_tensor<fixed_codebook, fixed_codebook_scales>;

inline std::ptrdiff_t bytes(const fixed_codebook& s, const tensor_shape& shape) {
    const std::ptrdiff_t blocks = block_lines(shape, -1, s.block).count();
    const std::ptrdiff_t scales = s.double_quantized ? blocks + 4 * ceil_div(blocks, detail::scale_group) + 4
                                                     : blocks * scale_bytes(s.scale_type);
    return packed_bytes(shape.size(), 4) + scales;
}

/// Errors: parts that do not fit together; scales that are not finite.
inline void check_parts(const fixed_codebook& s, const tensor_shape& shape, const packed_codes& codes,
                        const fixed_codebook_scales& scales) {
    const auto blocks = static_cast<std::size_t>(block_lines(shape, -1, s.block).count());
    const std::size_t doubled = s.double_quantized ? blocks : 0;
    check(scales.codes.size() == doubled &&
              scales.steps.size() == ceil_div(doubled, static_cast<std::size_t>(detail::scale_group)),
          "fixed_codebook: ", scales.codes.size(), " scale codes and ", scales.steps.size(), " steps for ", blocks,
          " blocks");
    const std::vector<float> values = scales.values(0, scales.size());
    detail::check_block_parts("fixed_codebook", shape, codes, 4, static_cast<std::ptrdiff_t>(blocks),
                              static_cast<std::ptrdiff_t>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        check(is_finite(values[i]), "fixed_codebook: the scale of block ", i, " is not finite");
    }
}

namespace detail {

/// A scale as stored; 0 and negative ones too. Errors: past the largest float16.
inline float stored_scale(float scale, scale_type type, std::size_t block) {
    if (type == scale_type::f32) return scale;
    if (type == scale_type::bf16) return static_cast<float>(bfloat16(scale));
    const float stored = static_cast<float>(float16(scale, ties::even, overflow::special));
    check(is_finite(stored), "fixed_codebook: the scale ", scale, " of block ", block,
          " does not fit in float16 (largest 65504); use float32 or bfloat16 scales");
    return stored;
}

/// Scales as the scheme stores them.
inline fixed_codebook_scales store_scales(const fixed_codebook& s, std::vector<float> scales) {
    fixed_codebook_scales stored;
    if (!s.double_quantized) {
        for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = stored_scale(scales[i], s.scale_type, i);
        stored.plain = std::move(scales);
        return stored;
    }
    double sum = 0;
    for (const float scale : scales) sum = opaque(sum + static_cast<double>(scale));
    if (!scales.empty()) stored.mean = static_cast<float>(quotient(sum, static_cast<double>(scales.size())));
    for (float& scale : scales) scale -= stored.mean;
    constexpr auto group = static_cast<std::size_t>(scale_group);
    for (std::size_t first = 0; first < scales.size(); first += group) {
        const std::size_t count = std::min(group, scales.size() - first);
        const float amax = largest_magnitude(scales.data() + first, static_cast<std::ptrdiff_t>(count));
        const float step = std::max(quotient(amax, 127.0f), 0x1p-126f);
        stored.steps.push_back(step);
        for (std::size_t i = first; i < first + count; ++i) {
            stored.codes.push_back(static_cast<std::int8_t>(round_to_integer(quotient(scales[i], step))));
        }
    }
    return stored;
}

inline codebook_table checked_table(const fixed_codebook& s) {
    bool nonzero = false;
    for (const float level : s.levels) {
        check(is_finite(level), "fixed_codebook: a level is not finite");
        nonzero = nonzero || level != 0;
    }
    check(nonzero, "fixed_codebook: all levels are 0");
    return make_codebook_table(s.levels);
}

}  // namespace detail

/// x in blocks along the last axis. importance is heeded by `:scale=mse`. Errors: infinite values; scales past
/// float16's range where they are stored so. Complexity O(n).
inline fixed_codebook_tensor encode(tensor_view<const float> x, const fixed_codebook& s,
                                    std::span<const float> importance, const executor& exec) {
    const codebook_table table = detail::checked_table(s);
    const detail::finite_input finite(x, "fixed_codebook");
    const detail::block_input input(finite.view(), importance, -1);
    const block_lines lines(x.shape(), -1, s.block);
    const detail::block_runs runs(lines, x.size());
    const std::ptrdiff_t per_run = ceil_div(runs.values, s.block);
    std::vector<float> scales(static_cast<std::size_t>(lines.count()));
    const auto count = [&](std::ptrdiff_t run) { return std::min(runs.values, runs.total - run * runs.values); };
    exec.parallel_for(runs.count(), [&](std::ptrdiff_t run) {
        const float* values = input.values(run * runs.values);
        float* run_scales = scales.data() + run * per_run;
        if (s.scale == block_scale::mse) {
            codebook_best_scales(values, count(run), s.block, table, input.importance(run * runs.values), run_scales);
        } else {
            codebook_scales(values, count(run), s.block, table.top, run_scales);
        }
    });
    fixed_codebook_scales stored = detail::store_scales(s, std::move(scales));
    const std::vector<float> decoded = stored.values(0, lines.count());
    packed_codes codes(x.size(), 4, false);
    const detail::block_streams<1, std::uint8_t> streams{{codes.bytes().data()}, {runs.values * 4}};
    const caching how = detail::stores_of(codes);
    detail::for_each_run(runs, streams, exec, [&](std::ptrdiff_t run, std::ptrdiff_t first, std::ptrdiff_t n, auto at) {
        quantize_codebook(input.values(first), n, s.block, table, decoded.data() + run * per_run, at[0], how);
        finish_stores(how);
    });
    return {s, x.shape(), std::move(codes), std::move(stored)};
}

namespace detail {

/// `count` lines from line `first` (a multiple of 8, or 0) on.
inline void decode_lines(const fixed_codebook_tensor& q, std::ptrdiff_t first, std::ptrdiff_t count, float* out,
                         const executor& exec) {
    const fixed_codebook& s = q.scheme();
    const block_lines lines = block_lines(q.shape(), -1, s.block).part(count);
    const block_runs runs(lines, count * lines.length);
    const std::ptrdiff_t per_run = ceil_div(runs.values, s.block);
    const std::vector<float> scales = q.scales().values(first * lines.per_line(), lines.count());
    const block_streams<1, const std::uint8_t> streams{
        {q.packed().bytes().data() + packed_bytes(first * lines.length, 4)}, {runs.values * 4}};
    const caching how = stores_of_values(runs);
    for_each_run(runs, streams, exec, [&](std::ptrdiff_t run, std::ptrdiff_t at_value, std::ptrdiff_t n, auto at) {
        dequantize_codebook(at[0], n, s.block, s.levels, scales.data() + run * per_run, out + at_value, how);
        finish_stores(how);
    });
}

}  // namespace detail

inline void decode(const fixed_codebook_tensor& q, tensor_view<float> out, const executor& exec) {
    detail::decode_lines(q, 0, block_lines(q.shape(), -1, q.scheme().block).lines, out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
inline void decode_rows(const fixed_codebook_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const detail::row_lines lines(q.shape(), first, rows);
    detail::decode_lines(q, lines.first, lines.count, out, {});
}

namespace detail {

/// Levels as their bits in hexadecimal digits, eight each.
inline std::string levels_text(const codebook_levels& levels) {
    std::string text;
    for (const float level : levels) {
        for (int shift = 28; shift >= 0; shift -= 4)
            text += "0123456789abcdef"[std::bit_cast<std::uint32_t>(level) >> shift & 15];
    }
    return text;
}

/// Errors: anything else.
inline codebook_levels parse_levels(std::string_view text) {
    codebook_levels levels{};
    check(text.size() == 8 * levels.size(), "scheme: \":levels\" has ", text.size(), " digits, not ",
          8 * levels.size());
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const char* const digits = text.data() + 8 * i;
        std::uint32_t bits = 0;
        const auto [end, status] = std::from_chars(digits, digits + 8, bits, 16);
        check(status == std::errc{} && end == digits + 8, "scheme: \":levels\" is not hexadecimal at digit ", 8 * i);
        levels[i] = std::bit_cast<float>(bits);
    }
    return levels;
}

}  // namespace detail

/// Reads "nf4", "fp4", "iq4nl" or "table" and their suffixes. False where the name is another's.
inline bool parse(scheme_text& text, fixed_codebook& s) {
    if (text.name() == "nf4") {
        s = nf4{};
    } else if (text.name() == "fp4") {
        s = fp4{};
    } else if (text.name() == "iq4nl") {
        s = iq4nl{};
    } else if (text.name() == "table") {
        const auto levels = text.take_value("levels");
        check(levels.has_value(), "scheme \"table\" needs \":levels=…\"");
        s = {.levels = detail::parse_levels(*levels)};
        detail::checked_table(s);
    } else {
        return false;
    }
    detail::take_block(text, s.block);
    s.double_quantized = text.take_flag("double");
    if (const auto rule = text.take_choice("scale", {"standard", "mse"})) s.scale = static_cast<block_scale>(*rule);
    if (const auto type = text.take_choice("scale_type", {"f32", "f16", "bf16"})) {
        s.scale_type = static_cast<scale_type>(*type);
    }
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const fixed_codebook& s) {
    const auto same = [&](const codebook_levels& named) {  // −0 is not 0
        return detail::levels_text(s.levels) == detail::levels_text(named);
    };
    const bool is_nf4 = same(nf4_levels), is_fp4 = same(fp4_levels), is_iq4nl = same(iq4_nl_levels);
    const fixed_codebook named = is_iq4nl ? iq4nl{} : fixed_codebook{};
    std::string text = is_nf4     ? "nf4"
                       : is_fp4   ? "fp4"
                       : is_iq4nl ? "iq4nl"
                                  : "table:levels=" + detail::levels_text(s.levels);
    if (s.block != named.block) text += detail::concat(":block=", s.block);
    if (s.double_quantized) text += ":double";
    if (s.scale != named.scale) text += s.scale == block_scale::mse ? ":scale=mse" : ":scale=standard";
    if (s.scale_type != named.scale_type) {
        constexpr const char* types[] = {"f32", "f16", "bf16"};
        text += detail::concat(":scale_type=", std::string_view(types[static_cast<std::size_t>(s.scale_type)]));
    }
    return text;
}

}  // namespace lowbit
