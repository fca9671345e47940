// SPDX-License-Identifier: Apache-2.0
/// @file
/// GPTQ: round weights column by column, and let the columns that are still free make up for each error (Frantar et al.
/// 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", algorithm 1).
///
/// With H = G + λ·mean(diag G)·I and H⁻¹ = UᵀU, U upper triangular, for each column i:
///
///     q_i = round(w_i),   e = (w_i − q_i)/U_ii,   w_j −= e·U_ij  for all j > i.
///
/// U comes without inverting H: H = R·Rᵀ with R upper triangular (a Cholesky decomposition from the last row up), then
/// U = R⁻¹. Rows do not depend on each other, so they run in parallel; within a run of rows the updates beyond a block
/// of columns wait until the block is done, and are one matrix product then.
///
/// Any rounding will do: affine with its parameters given, a codebook, a table of levels with a scale per block.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/refine/input_moments.hpp>
#include <lowbit/schemes/affine.hpp>
#include <lowbit/schemes/codebook.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

/// How GPTQ works.
struct gptq_options {
    double damping = 0.01;          ///< λ; raised tenfold until the decomposition succeeds, to 1 at most
    bool activation_order = false;  ///< columns with the largest inputs first: better, where scales are fixed before
};

/// What GPTQ gives: weights that the rounding can store, in the shape of the exact ones.
struct gptq_result {
    tensor<float> weights{};
    double damping = 0;               ///< the λ that it took
    std::ptrdiff_t dead_columns = 0;  ///< inputs that were always 0: their weights became 0
};

/// Rounds one column for a run of rows: `round(column, first row, values, rounded)`. A copy is made for each run of
/// rows. If it has `group_size()` and `enter(first column, first row, values)`, the values of each group of columns as
/// they are when its first column comes up (columns within rows) are given to `enter` first: scales may follow from
/// them.
template <class R>
concept column_rounding = std::copyable<R> &&
    requires(R& r, std::ptrdiff_t i, std::span<const double> values, std::span<double> rounded) {
    r(i, i, values, rounded);
};

template <class R>
concept grouped_rounding = column_rounding<R> && requires(R& r, std::ptrdiff_t i, const row_matrix<float>& values) {
    { r.group_size() } -> std::convertible_to<std::ptrdiff_t>;
    r.enter(i, i, values);
};

namespace detail {

/// The order of columns, and U of the columns in this order.
struct gptq_plan {
    std::vector<std::ptrdiff_t> order;
    std::vector<bool> dead;
    Eigen::MatrixXd upper;
    double damping;
};

inline gptq_plan plan_gptq(const Eigen::MatrixXd& gram, const gptq_options& options, const executor& exec) {
    const Eigen::Index n = gram.rows();
    check(gram.cols() == n && n > 0, "gptq: the gram matrix is ", gram.rows(), " x ", gram.cols());
    check(options.damping > 0, "gptq: the damping ", options.damping, " must be positive");
    gptq_plan plan{.order = std::vector<std::ptrdiff_t>(static_cast<std::size_t>(n)),
                   .dead = std::vector<bool>(static_cast<std::size_t>(n)),
                   .upper = {},
                   .damping = options.damping};
    Eigen::VectorXd diagonal = gram.diagonal();
    for (Eigen::Index i = 0; i < n; ++i) {
        check(is_finite(diagonal[i]) && diagonal[i] >= 0, "gptq: diagonal element ", i, " of the gram matrix is ",
              diagonal[i]);
        if (diagonal[i] == 0) {
            plan.dead[static_cast<std::size_t>(i)] = true;
            diagonal[i] = 1;
        }
    }
    std::iota(plan.order.begin(), plan.order.end(), std::ptrdiff_t{0});
    if (options.activation_order) {
        std::stable_sort(plan.order.begin(), plan.order.end(),
                         [&](std::ptrdiff_t a, std::ptrdiff_t b) { return diagonal[a] > diagonal[b]; });
    }
    const auto place = [&](Eigen::Index i) { return plan.order[static_cast<std::size_t>(n - 1 - i)]; };
    const double mean = diagonal.mean();
    Eigen::MatrixXd flipped(n, n);  // from the last column to the first: its lower Cholesky factor is R, flipped
    for (;; plan.damping *= 10) {
        for (Eigen::Index j = 0; j < n; ++j) {
            for (Eigen::Index i = j; i < n; ++i) flipped(i, j) = gram(place(i), place(j));
            flipped(j, j) = diagonal[place(j)] + plan.damping * mean;
        }
        const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> decomposition(flipped);
        if (decomposition.info() == Eigen::Success) break;
        check(plan.damping < 1, "gptq: the gram matrix is not positive semidefinite, even with a damping of ",
              plan.damping);
    }
    // Its inverse, a run of columns at a time: they begin with zeros.
    plan.upper = Eigen::MatrixXd::Zero(n, n);
    constexpr Eigen::Index run = 128;
    exec.parallel_for(ceil_div<std::ptrdiff_t>(n, run), [&](std::ptrdiff_t task) {
        const Eigen::Index first = task * run, size = n - first, columns = std::min(run, size);
        Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(size, columns);
        flipped.bottomRightCorner(size, size).triangularView<Eigen::Lower>().solveInPlace(inverse);
        plan.upper.block(0, size - columns, size, columns) = inverse.reverse();
    });
    return plan;
}

/// All columns of the rows [first_row, first_row + w.rows()); w comes in the plan's order of columns.
template <column_rounding R>
void run_gptq(const gptq_plan& plan, R rounding, std::ptrdiff_t first_row, Eigen::MatrixXd& w) {
    constexpr Eigen::Index block = 128;
    const Eigen::Index rows = w.rows(), n = w.cols();
    Eigen::MatrixXd errors(rows, block);
    Eigen::VectorXd rounded(rows);
    for (Eigen::Index begin = 0; begin < n; begin += block) {
        const Eigen::Index end = std::min(begin + block, n);
        for (Eigen::Index i = begin; i < end; ++i) {
            const std::ptrdiff_t column = plan.order[static_cast<std::size_t>(i)];
            if constexpr (grouped_rounding<R>) {
                if (i % rounding.group_size() == 0) {
                    const Eigen::Index size = std::min<Eigen::Index>(rounding.group_size(), n - i);
                    Eigen::MatrixXd group = w.middleCols(i, size);
                    if (i + size > end) {  // what this block has still to do for the group's later columns
                        group.rightCols(i + size - end) -=
                            errors.leftCols(i - begin) * plan.upper.block(begin, end, i - begin, i + size - end);
                    }
                    rounding.enter(column, first_row, row_matrix<float>(group.template cast<float>()));
                }
            }
            auto values = w.col(i);
            rounding(column, first_row, std::span<const double>(values.data(), static_cast<std::size_t>(rows)),
                     std::span<double>(rounded.data(), static_cast<std::size_t>(rows)));
            errors.col(i - begin) = (values - rounded) / plan.upper(i, i);
            values = rounded;
            w.middleCols(i + 1, end - i - 1).noalias() -=
                errors.col(i - begin) * plan.upper.row(i).segment(i + 1, end - i - 1);
        }
        w.rightCols(n - end).noalias() -=
            errors.leftCols(end - begin) * plan.upper.block(begin, end, end - begin, n - end);
    }
}

}  // namespace detail

/// Weights rounded with error feedback. Weights: axis 0 is the output channel, all others together the columns, as many
/// as the gram matrix E[x·xᵀ] of the inputs has. Complexity O(columns³ + rows·columns²).
/// Errors: sizes that differ; NaN or infinity in the matrix; activation order with a rounding that works in groups; a
/// matrix that no damping up to 1 makes positive definite.
template <column_rounding R>
gptq_result gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const R& rounding,
                 const gptq_options& options = {}, const executor& exec = {}) {
    const auto exact = as_matrix(weights);
    check(exact.cols() == gram.cols(), "gptq: weights with ", exact.cols(), " inputs, a gram matrix of ", gram.cols());
    check(!grouped_rounding<R> || !options.activation_order,
          "gptq: activation order needs scales that are fixed before, not chosen group by group");
    const detail::gptq_plan plan = detail::plan_gptq(gram, options, exec);
    gptq_result result{tensor<float>(weights.shape()), plan.damping,
                       std::count(plan.dead.begin(), plan.dead.end(), true)};
    auto out = as_matrix(result.weights);

    constexpr std::ptrdiff_t rows_at_once = 64;
    exec.parallel_for(ceil_div<std::ptrdiff_t>(exact.rows(), rows_at_once), [&](std::ptrdiff_t task) {
        const std::ptrdiff_t first = task * rows_at_once, rows = std::min(rows_at_once, exact.rows() - first);
        Eigen::MatrixXd w(rows, exact.cols());
        for (Eigen::Index i = 0; i < w.cols(); ++i) {
            const std::ptrdiff_t column = plan.order[static_cast<std::size_t>(i)];
            if (plan.dead[static_cast<std::size_t>(column)]) {
                w.col(i).setZero();
            } else {
                w.col(i) = exact.col(column).segment(first, rows).template cast<double>();
            }
        }
        detail::run_gptq(plan, rounding, first, w);
        for (Eigen::Index i = 0; i < w.cols(); ++i) {
            const std::ptrdiff_t column = plan.order[static_cast<std::size_t>(i)];
            out.col(column).segment(first, rows) = w.col(i).template cast<float>();
        }
    });
    return result;
}

/// Rounds to affine codes with parameters fixed before, one for each set of `partition(shape, scheme.granularity)`.
class affine_rounding {
public:
    affine_rounding(const affine& scheme, const tensor_shape& shape, std::vector<affine_params> params)
        : scheme_(scheme),
          sets_(shape, scheme.granularity),
          params_(std::move(params)),
          columns_(shape.size() / std::max<std::ptrdiff_t>(shape[0], 1)) {
        detail::check_params(scheme_, params_, sets_.count());
    }

    void operator()(std::ptrdiff_t column, std::ptrdiff_t first_row, std::span<const double> values,
                    std::span<double> rounded) const {
        for (std::size_t r = 0; r < values.size(); ++r) {
            const std::ptrdiff_t at = (first_row + static_cast<std::ptrdiff_t>(r)) * columns_ + column;
            const auto [scale, zero] = params_[static_cast<std::size_t>(sets_.set_of(at))];
            const affine_grid grid{1.0f / scale, zero, scheme_.lowest(), scheme_.highest(), scheme_.ties};
            rounded[r] = double{dequantize_value(quantize_value(static_cast<float>(values[r]), grid), scale, zero)};
        }
    }

private:
    affine scheme_;
    partition sets_;
    std::vector<affine_params> params_;
    std::ptrdiff_t columns_;
};

/// Rounds to the nearest centroid of a codebook for the whole tensor: GPTQ for k-means.
class codebook_rounding {
public:
    /// Errors: no centroids, or some that are not finite.
    explicit codebook_rounding(std::span<const float> centroids)
        : centroids_(centroids.begin(), centroids.end()), nearest_(centroids, 1 << 20) {}

    void operator()(std::ptrdiff_t, std::ptrdiff_t, std::span<const double> values, std::span<double> rounded) const {
        for (std::size_t r = 0; r < values.size(); ++r) {
            rounded[r] = double{centroids_[nearest_(static_cast<float>(values[r]))]};
        }
    }

private:
    std::vector<float> centroids_;
    detail::nearest_centroid nearest_;
};

/// Rounds to scale·level, with one scale for each row and block of columns, chosen by `scale_of(block)` when the block
/// comes up: GPTQ for block formats. For MXFP4 the levels are E2M1's and scale_of gives 2^(⌊log2 amax⌋ − 2).
class block_rounding {
public:
    /// levels: ascending or not, finite. scale_of: from the values of a block to a positive scale; 0 for all zeros.
    block_rounding(std::span<const float> levels, std::ptrdiff_t block,
                   std::function<float(std::span<const float>)> scale_of)
        : levels_(levels.begin(), levels.end()), nearest_(levels, 1), block_(block), scale_of_(std::move(scale_of)) {
        check(block > 0, "block_rounding: blocks of ", block, " columns");
    }

    std::ptrdiff_t group_size() const { return block_; }

    void enter(std::ptrdiff_t, std::ptrdiff_t, const row_matrix<float>& values) {
        scales_.resize(static_cast<std::size_t>(values.rows()));
        for (Eigen::Index r = 0; r < values.rows(); ++r) {
            scales_[static_cast<std::size_t>(r)] =
                scale_of_(std::span(values.data() + r * values.cols(), static_cast<std::size_t>(values.cols())));
        }
    }

    void operator()(std::ptrdiff_t, std::ptrdiff_t, std::span<const double> values, std::span<double> rounded) const {
        for (std::size_t r = 0; r < values.size(); ++r) {
            const float scale = scales_[r];
            rounded[r] = scale > 0 ? double{scale * levels_[nearest_(static_cast<float>(values[r]) / scale)]} : 0.0;
        }
    }

private:
    std::vector<float> levels_;
    detail::nearest_centroid nearest_;
    std::ptrdiff_t block_;
    std::function<float(std::span<const float>)> scale_of_;
    std::vector<float> scales_;
};

/// GPTQ to affine codes at any granularity. params: fixed before (from `choose_params`, or learned), one for each set.
inline affine_tensor gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const affine& scheme,
                          std::span<const affine_params> params, const gptq_options& options = {},
                          const executor& exec = {}) {
    const affine_rounding rounding(scheme, weights.shape(), {params.begin(), params.end()});
    return quantize(gptq(weights, gram, rounding, options, exec).weights, scheme, params, exec);
}

/// GPTQ to affine codes with the parameters that `quantize` would choose.
inline affine_tensor gptq(tensor_view<const float> weights, const Eigen::MatrixXd& gram, const affine& scheme,
                          const gptq_options& options = {}, const executor& exec = {}) {
    return gptq(weights, gram, scheme, choose_params(weights, scheme, exec), options, exec);
}

}  // namespace lowbit
