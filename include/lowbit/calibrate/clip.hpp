// SPDX-License-Identifier: Apache-2.0
/// @file
/// From data to the range that codes should cover: every clipping method behind one function.
///
/// | `:clip=` | covers | best for |
/// |---|---|---|
/// | `minmax` | everything; nothing is clipped | 8 bits, weights |
/// | `percentile=99.99` | all but the share 1 − p/100 at either end (of |x| where symmetric) | activations |
/// | `mse` | what gives the least squared error (calibrate/mse.hpp) | the safe choice at 4 bits and below |
/// | `kl` | what keeps the distribution (calibrate/kl.hpp) | activations of classifiers |
/// | `octav` | the optimum of a noise model (calibrate/octav.hpp) | light tails |
/// | `aciq-laplace`, `aciq-gauss` | the optimum for a density (calibrate/aciq.hpp) | data of that density |
///
/// The range: symmetric [−a, a]; symmetric and unsigned [0, a]; else [low, high] with low ≤ 0 ≤ high.
#pragma once

#include <lowbit/calibrate/aciq.hpp>
#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/kl.hpp>
#include <lowbit/calibrate/mse.hpp>
#include <lowbit/calibrate/octav.hpp>
#include <lowbit/calibrate/range.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowbit {

/// How a range is chosen.
enum class clip_method { minmax, percentile, mse, kl, octav, aciq_laplace, aciq_gauss };

/// A clipping method with its parameter: what `:clip=` of a scheme string says.
struct clip_spec {
    clip_method method = clip_method::minmax;
    float percentile = 99.99f;  ///< in (50, 100]; of clip_method::percentile only

    bool operator==(const clip_spec&) const = default;
};

namespace detail {

inline constexpr std::array<std::string_view, 7> clip_names = {"minmax", "percentile",   "mse",       "kl",
                                                               "octav",  "aciq-laplace", "aciq-gauss"};

inline void check_clip(const clip_spec& spec) {
    check(spec.method != clip_method::percentile || (spec.percentile > 50 && spec.percentile <= 100),
          "clip: percentile ", spec.percentile, " is not in (50, 100]");
}

}  // namespace detail

/// "mse", "percentile=99.99": what `parse_clip` reads back as the same.
inline std::string to_string(const clip_spec& spec) {
    const std::string_view name = detail::clip_names[static_cast<std::size_t>(spec.method)];
    return spec.method == clip_method::percentile ? detail::concat(name, "=", spec.percentile) : std::string(name);
}

/// Errors: no such method; a percentile outside (50, 100].
inline clip_spec parse_clip(std::string_view text) {
    const std::size_t equals = text.find('=');
    const auto name = std::find(detail::clip_names.begin(), detail::clip_names.end(), text.substr(0, equals));
    check(name != detail::clip_names.end(), "clip: \"", text,
          "\" is not one of minmax, mse, kl, percentile=P, octav, aciq-laplace, aciq-gauss");
    clip_spec spec{.method = static_cast<clip_method>(name - detail::clip_names.begin())};
    if (equals != std::string_view::npos) {
        const char* const end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + equals + 1, end, spec.percentile);
        check(spec.method == clip_method::percentile, "clip: ", *name, " takes no value");
        check(read.ec == std::errc{} && read.ptr == end, "clip: \"", text, "\" is not percentile=P with a number P");
    }
    detail::check_clip(spec);
    return spec;
}

namespace detail {

/// The values themselves, sorted only when a method asks for it.
struct exact_source {
    std::span<const float> x;

    range extremes() const { return finite_range(x, "choose_range"); }
    sorted_values values() const { return sorted_values(x); }
    sorted_values magnitudes() const { return sorted_values::magnitudes(x); }
    histogram magnitude_counts() const { return magnitude_histogram(x); }
};

/// A histogram of them.
struct binned_source {
    const histogram& h;

    range extremes() const { return h.extremes; }
    binned_values values() const { return binned_values(h); }
    binned_values magnitudes() const { return binned_values(h.magnitudes()); }
    histogram magnitude_counts() const { return h.magnitudes(); }
};

template <class Source>
range choose_range(const Source& data, const clip_spec& spec, int bits, bool symmetric, bool is_signed) {
    check_clip(spec);
    check(bits >= 1 && bits <= 16, "choose_range: ", bits, " bits; 1 to 16 are supported");
    const range seen = with_zero(data.extremes());
    const bool one_sided = symmetric ? !is_signed : seen.min == 0;
    /// All methods but mse cut at one distance from a center: never more than what is there.
    const auto cut = [&](double distance, double center = 0) -> range {
        if (!symmetric) {
            return {static_cast<float>(std::clamp<double>(center - distance, seen.min, 0)),
                    static_cast<float>(std::clamp<double>(center + distance, 0, seen.max))};
        }
        const auto a = static_cast<float>(std::min(std::abs(center) + distance, double{amax(seen)}));
        return {is_signed ? -a : 0, a};
    };
    switch (spec.method) {
        case clip_method::minmax:
            return cut(amax(seen));
        case clip_method::percentile: {
            const double share = double{spec.percentile} / 100;
            if (symmetric) return cut(data.magnitudes().quantile(share));
            const auto values = data.values();
            return with_zero({values.quantile((100 - double{spec.percentile}) / 100), values.quantile(share)});
        }
        case clip_method::mse: {
            if (!symmetric) return best_asymmetric_grid(data.values(), bits).covered();
            if (!is_signed) return best_scale(data.values(), 0, (1 << bits) - 1).covered();
            const range upper = best_scale(data.magnitudes(), 0, std::max((1 << (bits - 1)) - 1, 1)).covered();
            return {-upper.max, upper.max};
        }
        case clip_method::kl: {
            const histogram h = data.magnitude_counts();
            const std::size_t levels = std::size_t{1} << (one_sided ? bits : bits - 1);
            const std::size_t kept = kl_bins(h.counts, levels, 1.0 / static_cast<double>(levels));
            return cut(static_cast<double>(kept) * h.width);
        }
        case clip_method::octav:
            return cut(octav_clip(data.magnitudes(), bits, !one_sided));
        case clip_method::aciq_laplace:
        case clip_method::aciq_gauss:
            break;
    }
    const density kind = spec.method == clip_method::aciq_laplace ? density::laplace : density::gauss;
    const spread s = aciq_spread(data.values(), kind, one_sided);
    return cut(s.width * aciq_factor(kind, bits, one_sided), s.center);
}

}  // namespace detail

/// The range of these values that 2^bits codes should cover. symmetric: the zero point is 0; is_signed: codes of both
/// signs. Methods that know nothing of a zero point take values that are all ≥ 0 as half of a density.
/// Complexity O(n); `minmax` one pass, `mse` the sort and about 10^4 look-ups at 8 bits.
/// Errors: no values; NaN or infinity, with its index; bits outside 1 … 16; a percentile outside (50, 100].
inline range choose_range(std::span<const float> values, const clip_spec& spec, int bits, bool symmetric,
                          bool is_signed) {
    return detail::choose_range(detail::exact_source{values}, spec, bits, symmetric, is_signed);
}

/// The same from a histogram, for activations seen batch by batch. Errors: an empty histogram.
inline range choose_range(const histogram& values, const clip_spec& spec, int bits, bool symmetric, bool is_signed) {
    check(values.total() > 0, "choose_range: the histogram is empty");
    return detail::choose_range(detail::binned_source{values}, spec, bits, symmetric, is_signed);
}

}  // namespace lowbit
