// SPDX-License-Identifier: Apache-2.0
/// @file
/// Linear (affine) quantization: r = S·(q − Z), with 2 … 16 bit codes; scale S and zero point Z per tensor, channel or
/// group.
///
///     symmetric    S = max|r| / qmax,              Z = 0            (weights: Jacob et al. 2018, section 3)
///     asymmetric   S = (rmax − rmin)/(qmax − qmin), Z = round(qmin − rmin/S), clamped to the codes; the range is first
///                  widened to include 0, so that 0 is exact       (activations: Jacob et al. 2018, section 2.1)
///
/// Codes: q = clamp(rint(r·(1/S)) + Z) (kernels/quantize.hpp).
#pragma once

#include <lowbit/calibrate/clip.hpp>
#include <lowbit/calibrate/range.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/quantize.hpp>
#include <lowbit/kernels/reduce.hpp>
#include <lowbit/schemes/granularity.hpp>
#include <lowbit/schemes/packed_codes.hpp>
#include <lowbit/schemes/quantize.hpp>
#include <lowbit/schemes/scale_type.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowbit {

/// Which of the 2^bits codes are used.
enum class affine_codes {
    standard,  ///< narrow for symmetric signed codes, else full
    narrow,    ///< all but the lowest: int8 is [−127, 127]
    full,      ///< all: int8 is [−128, 127]
};

/// The scheme "intN" / "uintN": N-bit codes on a uniform grid.
struct affine {
    int bits = 8;           ///< 2 … 16
    bool symmetric = true;  ///< Z = 0; unsigned codes then hold r ≥ 0 only
    lowbit::granularity granularity = per_tensor();
    bool is_signed = true;
    affine_codes codes = affine_codes::standard;
    lowbit::ties ties = lowbit::ties::even;
    lowbit::scale_type scale_type = lowbit::scale_type::f32;
    clip_spec clip{};  ///< how much of the values' range the codes cover: all of it by default

    bool operator==(const affine&) const = default;

    /// The lowest code in use.
    std::int32_t lowest() const {
        const bool narrow =
            codes == affine_codes::narrow || (codes == affine_codes::standard && symmetric && is_signed);
        return (is_signed ? -(1 << (bits - 1)) : 0) + (narrow ? 1 : 0);
    }
    /// The highest code in use.
    std::int32_t highest() const { return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1; }
};

/// S and Z of one set of values.
struct affine_params {
    float scale = 1;  ///< finite, positive
    std::int32_t zero_point = 0;

    bool operator==(const affine_params&) const = default;
};

/// Errors: bits outside 2 … 16.
inline void check_scheme(const affine& s) {
    check(s.bits >= 2 && s.bits <= 16, "affine: ", s.bits, " bits; 2 to 16 are supported");
}

/// The parameters for values in the range. Errors: a range that is not finite, or whose ends are out of order.
inline affine_params choose_params(const range& values, const affine& s) {
    check_scheme(s);
    check(is_finite(values.min) && is_finite(values.max) && values.min <= values.max, "choose_params: the range [",
          values.min, ", ", values.max, "] must be finite and ordered");
    const double rmin = with_zero(values).min, rmax = with_zero(values).max;
    if (s.symmetric) {
        const double amax = s.is_signed ? std::max(-rmin, rmax) : rmax;
        return {storable_scale(amax / s.highest(), s.scale_type), 0};
    }
    const float scale = storable_scale((rmax - rmin) / (s.highest() - s.lowest()), s.scale_type);
    const double zero = std::nearbyint(s.lowest() - rmin / static_cast<double>(scale));
    return {scale, static_cast<std::int32_t>(std::clamp<double>(zero, s.lowest(), s.highest()))};
}

/// What `quantize(x, affine{…})` returns. Codes in the tensor's order, one affine_params for each set of values.
class affine_tensor : public sized_by_scheme<affine_tensor> {
public:
    affine_tensor() = default;
    /// Takes parts made elsewhere (a file, a refinement). Errors: parts that do not fit together.
    affine_tensor(const affine& scheme, const tensor_shape& shape, packed_codes codes,
                  std::vector<affine_params> params);

    const affine& scheme() const { return scheme_; }
    const tensor_shape& shape() const { return shape_; }
    /// The codes, one integer each, under the tensor's shape.
    tensor<std::int32_t> codes() const { return codes_.unpack(shape_); }
    const packed_codes& packed() const { return codes_; }
    /// One for each set of `partition(shape(), scheme().granularity)`, in its order.
    std::span<const affine_params> params() const { return params_; }

    bool operator==(const affine_tensor&) const = default;

private:
    affine scheme_;
    tensor_shape shape_{0};
    packed_codes codes_;
    std::vector<affine_params> params_;
};

namespace detail {

/// Values that one task encodes or decodes: a multiple of 8, so that packed codes of tasks do not share a byte.
inline constexpr std::ptrdiff_t affine_tile = 16384;

inline void check_params(const affine& s, std::span<const affine_params> params, std::ptrdiff_t sets) {
    check_scheme(s);
    check(static_cast<std::ptrdiff_t>(params.size()) == sets, "affine: ", params.size(), " parameters for ", sets,
          " sets of values");
    for (std::size_t i = 0; i < params.size(); ++i) {
        const auto [scale, zero] = params[i];
        check(scale > 0 && is_finite(scale) && is_finite(1.0f / scale), "affine: scale ", scale, " of set ", i,
              " must be positive and finite, and so must its reciprocal");
        check(zero >= s.lowest() && zero <= s.highest(), "affine: zero point ", zero, " of set ", i, " is outside [",
              s.lowest(), ", ", s.highest(), "]");
        check(!s.symmetric || zero == 0, "affine: zero point ", zero, " of set ", i, " in a symmetric scheme");
    }
}

/// Calls f(Code{}) with the smallest integer type that holds the scheme's codes.
template <class Function>
void with_code_type(const affine& s, Function f) {
    if (s.bits > 8) {
        s.is_signed ? f(std::int16_t{}) : f(std::uint16_t{});
    } else {
        s.is_signed ? f(std::int8_t{}) : f(std::uint8_t{});
    }
}

/// Smallest and largest of a set and 0, finite and storable.
inline range checked_range(tensor_view<const float> x, const affine& s, const value_set& set) {
    extent all{};
    set.for_each_run([&](std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t stride) {
        if (stride == 1) {
            all = find_extent(x.data() + first, count, all);
        } else {
            for (std::ptrdiff_t i = 0; i < count; ++i) all = find_extent(x.data() + first + i * stride, 1, all);
        }
    });
    const bool negative = !s.is_signed && s.symmetric && all.min < 0;
    if (negative || !is_finite(all.min) || !is_finite(all.max)) {
        set.for_each([&](std::ptrdiff_t i) {
            check(is_finite(x[i]) || is_nan(x[i]), "affine: infinite value at index ", i);
            check(!negative || !(x[i] < 0), "affine: ", x[i], " at index ", i,
                  " cannot be stored in unsigned symmetric codes; use :asymmetric");
        });
    }
    return {all.min, all.max};
}

}  // namespace detail

/// The parameters for each set of values of x, from the range that `s.clip` covers of it. Errors: infinite values;
/// negative ones for unsigned symmetric codes; with a clip other than minmax, NaN. Complexity: that of choose_range.
inline std::vector<affine_params> choose_params(tensor_view<const float> x, const affine& s,
                                                const executor& exec = {}) {
    check_scheme(s);
    const partition sets(x.shape(), s.granularity);
    std::vector<affine_params> params(static_cast<std::size_t>(sets.count()));
    exec.parallel_for(sets.count(), [&](std::ptrdiff_t i) {
        range covered = detail::checked_range(x, s, sets[i]);
        if (s.clip.method != clip_method::minmax && sets[i].size() > 0) {
            std::vector<float> values;
            values.reserve(static_cast<std::size_t>(sets[i].size()));
            sets[i].for_each([&](std::ptrdiff_t at) { values.push_back(x[at]); });
            covered = choose_range(values, s.clip, s.bits, s.symmetric, s.is_signed);
        }
        params[static_cast<std::size_t>(i)] = choose_params(covered, s);
    });
    return params;
}

/// x stored with the given parameters, one for each set of values. Values outside of the codes' range are clamped,
/// NaN becomes the zero point. Errors: parameters that are not valid. Complexity O(n).
inline affine_tensor encode(tensor_view<const float> x, const affine& s, std::span<const affine_params> params,
                            const executor& exec = {}) {
    const partition sets(x.shape(), s.granularity);
    detail::check_params(s, params, sets.count());
    packed_codes codes(x.size(), s.bits, s.is_signed);
    const caching how = caching_for(std::ssize(codes.bytes()));
    detail::with_code_type(s, [&]<class Code>(Code) {
        exec.parallel_for(ceil_div(x.size(), detail::affine_tile), [&](std::ptrdiff_t t) {
            const std::ptrdiff_t first = t * detail::affine_tile;
            const std::ptrdiff_t last = std::min(first + detail::affine_tile, x.size());
            std::array<Code, detail::affine_tile> buffer;
            // Codes of a byte go straight to their place, others through the buffer.
            const bool direct = s.bits == 8;
            Code* to = direct ? reinterpret_cast<Code*>(codes.bytes().data() + first) : buffer.data();
            sets.for_each_run(first, last, [&](std::ptrdiff_t set, std::ptrdiff_t at, std::ptrdiff_t count) {
                const auto [scale, zero] = params[static_cast<std::size_t>(set)];
                quantize_affine(x.data() + at, count, {1.0f / scale, zero, s.lowest(), s.highest(), s.ties},
                                to + (at - first), direct ? how : caching::keep);
            });
            if (!direct) codes.pack(first, last - first, to);
            finish_stores(how);
        });
    });
    return {s, x.shape(), std::move(codes), {params.begin(), params.end()}};
}

/// x stored with parameters chosen from its values. Importance does not change the smallest and the largest.
inline affine_tensor encode(tensor_view<const float> x, const affine& s, std::span<const float> /*importance*/,
                            const executor& exec) {
    return encode(x, s, choose_params(x, s, exec), exec);
}

namespace detail {

/// n values from index `begin` (a multiple of 8) on.
inline void decode_values(const affine_tensor& q, std::ptrdiff_t begin, std::ptrdiff_t n, float* out,
                          const executor& exec) {
    const partition sets(q.shape(), q.scheme().granularity);
    const caching how = caching_for(n * static_cast<std::ptrdiff_t>(sizeof(float)));
    with_code_type(q.scheme(), [&]<class Code>(Code) {
        exec.parallel_for(ceil_div(n, affine_tile), [&](std::ptrdiff_t t) {
            const std::ptrdiff_t first = begin + t * affine_tile, last = std::min(first + affine_tile, begin + n);
            std::array<Code, affine_tile> buffer;
            const bool direct = q.scheme().bits == 8;
            if (!direct) q.packed().unpack(first, last - first, buffer.data());
            const Code* from =
                direct ? reinterpret_cast<const Code*>(q.packed().bytes().data() + first) : buffer.data();
            sets.for_each_run(first, last, [&](std::ptrdiff_t set, std::ptrdiff_t at, std::ptrdiff_t count) {
                const auto [scale, zero] = q.params()[static_cast<std::size_t>(set)];
                dequantize_affine(from + (at - first), count, scale, zero, out + (at - begin), how);
            });
            finish_stores(how);
        });
    });
}

}  // namespace detail

inline void decode(const affine_tensor& q, tensor_view<float> out, const executor& exec) {
    detail::decode_values(q, 0, out.size(), out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
inline void decode_rows(const affine_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const std::ptrdiff_t row = q.shape().size_between(1, q.shape().rank());
    detail::decode_values(q, first * row, rows * row, out, {});
}

/// Codes, scales, and (asymmetric) zero points packed to the width of a code.
inline std::ptrdiff_t bytes(const affine& s, const tensor_shape& shape) {
    const std::ptrdiff_t sets = partition(shape, s.granularity).count();
    return packed_bytes(shape.size(), s.bits) + sets * scale_bytes(s.scale_type) +
           (s.symmetric ? 0 : packed_bytes(sets, s.bits));
}

inline affine_tensor::affine_tensor(const affine& scheme, const tensor_shape& shape, packed_codes codes,
                                    std::vector<affine_params> params)
    : scheme_(scheme), shape_(shape), codes_(std::move(codes)), params_(std::move(params)) {
    detail::check_params(scheme_, params_, partition(shape_, scheme_.granularity).count());
    check(codes_.size() == shape_.size() && codes_.bits() == scheme_.bits && codes_.is_signed() == scheme_.is_signed,
          "affine_tensor: ", codes_.size(), " codes of ", codes_.bits(), " bits for ", to_string(shape_), " at ",
          scheme_.bits, " bits");
}

/// The textbook's linear_quantize: one given S and Z for the whole tensor.
template <class X>
affine_tensor quantize(const X& x, const affine& s, const affine_params& params, const executor& exec = {},
                       nan_policy nan = nan_policy::reject) {
    return quantize(x, s, std::span(&params, 1), exec, nan);
}

/// S and Z given for each set of values.
template <class X>
affine_tensor quantize(const X& x, const affine& s, std::type_identity_t<std::span<const affine_params>> params,
                       const executor& exec = {}, nan_policy nan = nan_policy::reject) {
    const row_values<float> values = read_float(x);
    detail::check_input(values.view(), s, {}, nan);
    return encode(values.view(), s, params, exec);
}

/// Reads "intN" or "uintN" and its suffixes. False where the name is another's.
inline bool parse(scheme_text& text, affine& s) {
    const std::optional<int> as_signed = text.numbered("int", 2, 16), as_unsigned = text.numbered("uint", 2, 16);
    if (!as_signed && !as_unsigned) return false;
    s = {.bits = as_signed ? *as_signed : *as_unsigned, .is_signed = as_signed.has_value()};
    s.granularity = text.take_granularity();
    s.symmetric = !text.take_flag("asymmetric");
    if (text.take_flag("narrow")) s.codes = affine_codes::narrow;
    if (text.take_flag("full")) {
        check(s.codes != affine_codes::narrow, "scheme: \":narrow\" and \":full\" exclude each other");
        s.codes = affine_codes::full;
    }
    if (const auto rule = text.take_choice("ties", {"even", "away"})) s.ties = static_cast<ties>(*rule);
    if (const auto type = text.take_choice("scale", {"f32", "f16", "bf16"}))
        s.scale_type = static_cast<scale_type>(*type);
    if (const auto clip = text.take_value("clip")) s.clip = parse_clip(*clip);
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const affine& s) {
    std::string text = detail::concat(s.is_signed ? "int" : "uint", s.bits, granularity_suffix(s.granularity));
    if (!s.symmetric) text += ":asymmetric";
    if (s.codes != affine_codes::standard) text += s.codes == affine_codes::narrow ? ":narrow" : ":full";
    if (s.ties == ties::away) text += ":ties=away";
    if (s.scale_type != scale_type::f32) text += s.scale_type == scale_type::f16 ? ":scale=f16" : ":scale=bf16";
    if (s.clip != clip_spec{}) text += ":clip=" + to_string(s.clip);
    return text;
}

}  // namespace lowbit
