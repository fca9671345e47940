// SPDX-License-Identifier: Apache-2.0
/// @file
/// What all block schemes share: a tensor as lines of values, cut into blocks; its codes as one packed stream and its
/// scales beside them; and the walk of a kernel over all of it.
///
/// Blocks run along one axis (the last, unless the scheme has another one, which is then moved to the end first) and
/// never cross the end of a line: the last block of a line may be shorter. Codes follow each other without gaps, line
/// after line, the first element in the low bits; so do the scales, one for each block.
#pragma once

#include <lowbit/formats/code_stream.hpp>
#include <lowbit/kernels/caching.hpp>
#include <lowbit/kernels/reduce.hpp>
#include <lowbit/schemes/packed_codes.hpp>
#include <lowbit/schemes/quantize.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// How the scale of a block is chosen, for schemes with no more than these two rules.
enum class block_scale {
    standard,  ///< the format's own rule
    mse,       ///< the least (weighted) squared error that a search finds; decoded the same way
};

/// The axis along which blocks run: the scheme's `axis` where it has one, else the last.
template <class Scheme>
int block_axis(const Scheme& s) {
    if constexpr (requires { s.axis; }) {
        return s.axis;
    } else {
        return -1;
    }
}

/// A shape as lines along an axis, each cut into blocks.
struct block_lines {
    std::ptrdiff_t lines = 1, length = 1;  ///< number of lines; values in each
    std::ptrdiff_t block = 1;              ///< values in a block

    /// Errors: an axis that does not exist, a block below 1.
    block_lines(const tensor_shape& shape, int axis, std::ptrdiff_t block_size) : block(block_size) {
        check(block >= 1, "the block size is ", block, "; it must be at least 1");
        if (shape.rank() == 0) return;
        length = shape[shape.checked_axis(axis)];
        lines = length == 0 ? 0 : shape.size() / length;
    }

    std::ptrdiff_t per_line() const { return ceil_div(length, block); }
    std::ptrdiff_t count() const { return lines * per_line(); }
    /// As many lines as given, of the same kind.
    block_lines part(std::ptrdiff_t number) const {
        block_lines some = *this;
        some.lines = number;
        return some;
    }
};

namespace detail {

/// Copies values so that the given axis comes last, or back again.
template <class T>
void move_axis(const T* from, const tensor_shape& shape, int axis, bool back, T* to) {
    const std::ptrdiff_t outer = shape.size_between(0, axis), length = shape[axis];
    const std::ptrdiff_t inner = shape.size_between(axis + 1, shape.rank());
    for (std::ptrdiff_t o = 0; o < outer; ++o) {
        for (std::ptrdiff_t j = 0; j < inner; ++j) {
            for (std::ptrdiff_t i = 0; i < length; ++i) {
                const std::ptrdiff_t plain = (o * length + i) * inner + j, last = (o * inner + j) * length + i;
                to[back ? plain : last] = from[back ? last : plain];
            }
        }
    }
}

/// Whether the axis is the last one already: nothing to move.
inline bool is_last_axis(const tensor_shape& shape, int axis) {
    return shape.rank() == 0 || shape.checked_axis(axis) == shape.rank() - 1;
}

/// Values and their importance with the blocks' axis last: the caller's memory, or a reordered copy.
class block_input {
public:
    block_input(tensor_view<const float> x, std::span<const float> importance, int axis)
        : x_(x.data()), importance_(importance.empty() ? nullptr : importance.data()) {
        if (is_last_axis(x.shape(), axis)) return;
        const int checked = x.shape().checked_axis(axis);
        const auto moved = [&](const float* values, aligned_vector<float>& copy) {
            copy.resize(static_cast<std::size_t>(x.size()));
            move_axis(values, x.shape(), checked, false, copy.data());
            return static_cast<const float*>(copy.data());
        };
        x_ = moved(x_, x_copy_);
        if (importance_ != nullptr) importance_ = moved(importance_, importance_copy_);
    }

    const float* values(std::ptrdiff_t first) const { return x_ + first; }
    /// Null where there is none.
    const float* importance(std::ptrdiff_t first) const {
        return importance_ != nullptr ? importance_ + first : nullptr;
    }

private:
    const float* x_;
    const float* importance_;
    aligned_vector<float> x_copy_, importance_copy_;
};

/// Finite values: NaN (which `quantize` lets through only when told to) as 0. Errors: an infinite value, by its index.
class finite_input {
public:
    finite_input(tensor_view<const float> x, const char* scheme)
        : view_(x), largest_(find_magnitude(x.data(), x.size())) {
        if (is_finite(largest_)) return;
        copy_ = tensor<float>(x);
        for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
            if (is_finite(x[i])) continue;
            check(is_nan(x[i]), scheme, ": infinite value at index ", i, "; clamp it first");
            copy_[i] = 0;
        }
        view_ = copy_.view();
        largest_ = find_magnitude(view_.data(), view_.size());
    }

    tensor_view<const float> view() const { return view_; }
    float largest() const { return largest_; }  ///< magnitude

private:
    tensor<float> copy_;
    tensor_view<const float> view_;
    float largest_;
};

/// Values that a call of a kernel takes, at most: enough work for a task.
inline constexpr std::ptrdiff_t run_values = 16384;

/// Calls of a kernel: each takes `values` consecutive values, the last one what is left of `total`.
struct block_runs {
    std::ptrdiff_t values = 0, total = 0;

    /// Runs that end where a block ends, and where a group of `together` values ends (all values, or a channel's).
    block_runs(const block_lines& lines, std::ptrdiff_t together) : total(lines.lines * lines.length) {
        const bool whole = together == total;
        if (lines.length % lines.block == 0 || (whole && lines.lines == 1)) {
            // Eight blocks fill whole bytes in every stream.
            const std::ptrdiff_t eight = 8 * lines.block,
                                 most = std::max<std::ptrdiff_t>(run_values / eight, 1) * eight;
            values = whole ? std::min(most, std::max<std::ptrdiff_t>(total, 1)) : together;
        } else {
            values = lines.length;
        }
    }

    std::ptrdiff_t count() const { return total == 0 ? 0 : ceil_div(total, values); }
};

/// How to store all values of these runs, or all of the codes.
inline caching stores_of_values(const block_runs& runs) {
    return caching_for(runs.total * static_cast<std::ptrdiff_t>(sizeof(float)));
}
inline caching stores_of(packed_codes& codes) { return caching_for(std::ssize(codes.bytes())); }

/// Packed streams that a kernel fills (Byte = std::uint8_t) or reads (const): where each starts, and its bits in a run.
template <std::size_t Count, class Byte>
struct block_streams {
    std::array<Byte*, Count> start;
    std::array<std::ptrdiff_t, Count> bits;
};

/// Calls f(run, first value, number of values, the run's place in each stream), every place on a byte: where runs
/// do not fill whole bytes, eight of them do, and go one by one through a copy. Streams to fill hold zeros.
template <std::size_t Count, class Byte, class Function>
void for_each_run(const block_runs& runs, const block_streams<Count, Byte>& streams, const executor& exec, Function f) {
    const auto call = [&](std::ptrdiff_t run, const std::array<Byte*, Count>& places) {
        const std::ptrdiff_t first = run * runs.values;
        f(run, first, std::min(runs.values, runs.total - first), places);
    };
    if (std::all_of(streams.bits.begin(), streams.bits.end(), [](std::ptrdiff_t bits) { return bits % 8 == 0; })) {
        exec.parallel_for(runs.count(), [&](std::ptrdiff_t run) {
            std::array<Byte*, Count> here{};
            for (std::size_t k = 0; k < Count; ++k) here[k] = streams.start[k] + run * (streams.bits[k] / 8);
            call(run, here);
        });
        return;
    }
    exec.parallel_for(ceil_div(runs.count(), std::ptrdiff_t{8}), [&](std::ptrdiff_t task) {
        std::array<std::vector<std::uint8_t>, Count> copies;
        std::array<Byte*, Count> here{};
        for (std::size_t k = 0; k < Count; ++k) {
            copies[k].resize(static_cast<std::size_t>(ceil_div(streams.bits[k], std::ptrdiff_t{8})));
            here[k] = copies[k].data();
        }
        for (std::ptrdiff_t run = task * 8; run < std::min(task * 8 + 8, runs.count()); ++run) {
            for (std::size_t k = 0; k < Count; ++k) {
                std::fill(copies[k].begin(), copies[k].end(), std::uint8_t{0});
                if constexpr (std::is_const_v<Byte>) {
                    copy_bits(streams.start[k], run * streams.bits[k], copies[k].data(), 0, streams.bits[k]);
                }
            }
            call(run, here);
            if constexpr (!std::is_const_v<Byte>) {
                for (std::size_t k = 0; k < Count; ++k) {
                    copy_bits(copies[k].data(), 0, streams.start[k], run * streams.bits[k], streams.bits[k]);
                }
            }
        }
    });
}

/// The lines that rows [first, first + rows) of axis 0 are made of, first and count: what `decode_rows` decodes. Blocks
/// run along the last axis; eight rows start on a byte.
struct row_lines {
    std::ptrdiff_t first, count;

    row_lines(const tensor_shape& shape, std::ptrdiff_t first_row, std::ptrdiff_t rows)
        : first(first_row), count(rows) {
        LOWBIT_ASSERT(first_row % 8 == 0 && shape.rank() >= 2 && first_row + rows <= shape[0]);
        const std::ptrdiff_t per_row = shape.size_between(1, shape.rank() - 1);
        first *= per_row;
        count *= per_row;
    }
};

/// Where decoded values go: straight to `out`, or, where the blocks' axis is not the last, by way of a copy.
template <class Function>
void decode_moved(tensor_view<float> out, const tensor_shape& shape, int axis, Function decode_to) {
    if (is_last_axis(shape, axis)) {
        decode_to(out.data());
        return;
    }
    aligned_vector<float> moved(static_cast<std::size_t>(shape.size()));
    decode_to(moved.data());
    move_axis(moved.data(), shape, shape.checked_axis(axis), true, out.data());
}

}  // namespace detail

/// What `quantize` returns for a block scheme: packed codes, and scales as the scheme stores them.
template <class Scheme, class Scales>
class block_tensor : public sized_by_scheme<block_tensor<Scheme, Scales>> {
public:
    block_tensor() = default;
    /// Takes parts made elsewhere: a file, another library. Errors: parts that do not fit together.
    block_tensor(const Scheme& scheme, const tensor_shape& shape, packed_codes codes, Scales scales)
        : scheme_(scheme), shape_(shape), codes_(std::move(codes)), scales_(std::move(scales)) {
        check_parts(scheme_, shape_, codes_, scales_);
    }

    const Scheme& scheme() const { return scheme_; }
    const tensor_shape& shape() const { return shape_; }
    /// The codes, one integer each, under the tensor's shape.
    tensor<std::int32_t> codes() const {
        tensor<std::int32_t> codes = codes_.unpack(shape_);
        if (detail::is_last_axis(shape_, block_axis(scheme_))) return codes;
        tensor<std::int32_t> ordered(shape_);
        detail::move_axis(codes.data(), shape_, shape_.checked_axis(block_axis(scheme_)), true, ordered.data());
        return ordered;
    }
    /// The codes as stored: line after line along the blocks' axis.
    const packed_codes& packed() const { return codes_; }
    /// The scales as stored, in the order of the blocks.
    const Scales& scales() const { return scales_; }

    bool operator==(const block_tensor&) const = default;

private:
    Scheme scheme_;
    tensor_shape shape_{0};
    packed_codes codes_;
    Scales scales_;
};

namespace detail {

/// Errors: another number or width of codes, another number of scales.
inline void check_block_parts(const char* scheme, const tensor_shape& shape, const packed_codes& codes, int bits,
                              std::ptrdiff_t blocks, std::ptrdiff_t scales) {
    check(codes.size() == shape.size() && codes.bits() == bits, scheme, ": ", codes.size(), " codes of ", codes.bits(),
          " bits for ", to_string(shape), " at ", bits, " bits");
    check(scales == blocks, scheme, ": ", scales, " scales for ", blocks, " blocks");
}

/// `:block=B` and `:scale=mse`, which several schemes take.
inline void take_block(scheme_text& text, std::ptrdiff_t& block) {
    const auto given = text.take_integer("block");
    check(!given || *given >= 1, "scheme \"", text.name(), "\": \":block\" must be at least 1");
    if (given) block = *given;
}

inline void take_mse(scheme_text& text, block_scale& scale) {
    if (text.take_choice("scale", {"mse"})) scale = block_scale::mse;
}

}  // namespace detail

}  // namespace lowbit
