// SPDX-License-Identifier: Apache-2.0
/// @file
/// Which values share parameters: the whole tensor, a channel, or a group along an axis.
///
/// `partition` cuts a shape into `value_set`s, numbered in row order; a set is a small strided pattern of flat
/// indices. Every scheme with shared parameters walks a tensor through this one header.
#pragma once

#include <lowbit/core/tensor.hpp>

#include <algorithm>
#include <cstddef>

namespace lowbit {

/// How finely parameters are shared.
enum class sharing { tensor, channel, group };

/// Which values share parameters. Made by per_tensor(), per_channel(), per_group().
struct granularity {
    sharing kind = sharing::tensor;
    int axis = 0;             ///< of channels and groups; −1 is the last
    std::ptrdiff_t size = 0;  ///< values in a group; the last group of a line may be shorter

    bool operator==(const granularity&) const = default;
};

/// One set of parameters for the whole tensor.
constexpr granularity per_tensor() { return {}; }

/// One set of parameters for each index of the axis (0: output channels of weights).
constexpr granularity per_channel(int axis = 0) { return {sharing::channel, axis, 0}; }

/// One set of parameters for each run of `size` values along the axis.
constexpr granularity per_group(int axis, std::ptrdiff_t size) { return {sharing::group, axis, size}; }

/// The flat indices offset + r·row_stride + i·stride for r < rows, i < length.
struct value_set {
    std::ptrdiff_t offset = 0;
    std::ptrdiff_t rows = 1, row_stride = 0;
    std::ptrdiff_t length = 0, stride = 1;

    std::ptrdiff_t size() const { return rows * length; }

    /// Calls f(first flat index, length, stride) for each row.
    template <class Function>
    void for_each_run(Function f) const {
        for (std::ptrdiff_t row = 0; row < rows; ++row) f(offset + row * row_stride, length, stride);
    }

    /// Calls f(flat index) for each value, in order.
    template <class Function>
    void for_each(Function f) const {
        for_each_run([&](std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t step) {
            for (std::ptrdiff_t i = 0; i < count; ++i) f(first + i * step);
        });
    }
};

/// A shape cut into sets of values that share parameters. Complexity O(1) to make and to index.
class partition {
public:
    /// Errors: an axis that does not exist, a group size below 1.
    partition(const tensor_shape& shape, const granularity& how) : kind_(how.kind) {
        if (kind_ == sharing::tensor) {
            extent_ = group_ = shape.size();
            return;
        }
        const int axis = shape.checked_axis(how.axis);
        check(kind_ == sharing::channel || how.size > 0, "per_group: the group size is ", how.size,
              "; it must be at least 1");
        outer_ = shape.size_between(0, axis);
        extent_ = shape[axis];
        inner_ = shape.size_between(axis + 1, shape.rank());
        group_ = kind_ == sharing::channel ? 1 : std::min(how.size, std::max<std::ptrdiff_t>(extent_, 1));
    }

    /// Number of sets: 1, the channels, or the groups of all lines. A tensor without values has none but per tensor.
    std::ptrdiff_t count() const {
        switch (kind_) {
            case sharing::tensor:
                return 1;
            case sharing::channel:
                return extent_;
            default:
                return outer_ * groups() * inner_;
        }
    }

    /// The set with the given number, 0 ≤ number < count().
    value_set operator[](std::ptrdiff_t number) const {
        switch (kind_) {
            case sharing::tensor:
                return {.length = extent_};
            case sharing::channel:
                return {.offset = number * inner_, .rows = outer_, .row_stride = extent_ * inner_, .length = inner_};
            default: {
                const std::ptrdiff_t column = number % inner_, line = number / inner_ / groups();
                const std::ptrdiff_t first = number / inner_ % groups() * group_;
                return {.offset = (line * extent_ + first) * inner_ + column,
                        .length = std::min(group_, extent_ - first),
                        .stride = inner_};
            }
        }
    }

    /// The set of the value at a flat index.
    std::ptrdiff_t set_of(std::ptrdiff_t flat) const {
        if (kind_ == sharing::tensor) return 0;
        const std::ptrdiff_t along = flat / inner_ % extent_;
        if (kind_ == sharing::channel) return along;
        return (flat / inner_ / extent_ * groups() + along / group_) * inner_ + flat % inner_;
    }

    /// Walks the flat indices [first, last) in order: f(set, first flat index, count) for each run of one set.
    template <class Function>
    void for_each_run(std::ptrdiff_t first, std::ptrdiff_t last, Function f) const {
        while (first < last) {
            const std::ptrdiff_t count = std::min(run_length(first), last - first);
            f(set_of(first), first, count);
            first += count;
        }
    }

private:
    /// How many values from this flat index on, in flat order, belong to the same set.
    std::ptrdiff_t run_length(std::ptrdiff_t flat) const {
        if (kind_ == sharing::tensor) return extent_ - flat;
        if (kind_ == sharing::channel) return inner_ - flat % inner_;
        if (inner_ > 1) return 1;
        const std::ptrdiff_t along = flat % extent_;
        return std::min(group_ - along % group_, extent_ - along);
    }

    std::ptrdiff_t groups() const { return ceil_div(extent_, group_); }

    sharing kind_;
    std::ptrdiff_t outer_ = 1, extent_ = 0, inner_ = 1, group_ = 0;
};

}  // namespace lowbit
