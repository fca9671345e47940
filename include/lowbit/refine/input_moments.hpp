// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a linear layer's calibration inputs say about its output error, batch by batch, in constant memory.
///
/// For weights W [out, in], rounded weights W̃ and inputs x, with D = W̃ − W:
///
///     E‖W̃x − Wx‖² = Σ_rows d·G·dᵀ,   G = E[x·xᵀ];     E[W̃x − Wx] = D·E[x].
///
/// So G and E[x] are all that GPTQ, AdaRound, AWQ and bias correction need of the data. A convolution is a linear layer
/// on its patches.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/core/source.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>

namespace lowbit {

/// Sums of x, |x| and x·xᵀ, and max|x|, over rows of inputs; float64. Mergeable.
class input_moments {
public:
    /// columns: how many inputs the layer has. Memory 8·columns² bytes.
    explicit input_moments(std::ptrdiff_t columns)
        : products_(Eigen::MatrixXd::Zero(columns, columns)),
          sum_(Eigen::VectorXd::Zero(columns)),
          magnitudes_(Eigen::VectorXd::Zero(columns)),
          largest_(Eigen::VectorXd::Zero(columns)) {}

    /// Rows of inputs: any shape whose last axis is the layer's input. Complexity O(rows·columns²).
    /// Errors: another last axis; a value that is not finite, with its index.
    template <class X>
    void observe(const X& batch) {
        const auto values = read_float(batch);
        const std::ptrdiff_t columns = sum_.size(), rank = values.shape().rank();
        check(rank >= 1 && values.shape()[static_cast<int>(rank - 1)] == columns, "input_moments: a batch of ",
              to_string(values.shape()), " for ", columns, " inputs");
        for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
            check(is_finite(values[i]), "input_moments: the value at index ", i, " is not finite");
        }
        const std::ptrdiff_t rows = columns == 0 ? 0 : values.size() / columns;
        const auto all = as_matrix(values.view().reshaped({rows, columns}));
        constexpr std::ptrdiff_t chunk = 512;
        for (std::ptrdiff_t first = 0; first < rows; first += chunk) {
            const Eigen::MatrixXd x =
                all.middleRows(first, std::min(chunk, rows - first)).transpose().template cast<double>();
            products_.selfadjointView<Eigen::Lower>().rankUpdate(x);
            sum_ += x.rowwise().sum();
            magnitudes_ += x.cwiseAbs().rowwise().sum();
            largest_ = largest_.cwiseMax(x.cwiseAbs().rowwise().maxCoeff());
        }
        count_ += rows;
    }

    /// Errors: another number of inputs.
    void merge(const input_moments& other) {
        check(columns() == other.columns(), "input_moments: merging ", columns(), " and ", other.columns(), " inputs");
        products_ += other.products_;
        sum_ += other.sum_;
        magnitudes_ += other.magnitudes_;
        largest_ = largest_.cwiseMax(other.largest_);
        count_ += other.count_;
    }

    std::ptrdiff_t columns() const { return sum_.size(); }
    /// Rows seen.
    std::ptrdiff_t count() const { return count_; }

    /// G = E[x·xᵀ], both triangles. Errors (of this and the following): no row was observed.
    Eigen::MatrixXd gram() const {
        return Eigen::MatrixXd(products_.selfadjointView<Eigen::Lower>()) / checked_count();
    }
    /// E[x].
    Eigen::VectorXd mean() const { return sum_ / checked_count(); }
    /// E|x|.
    Eigen::VectorXd mean_magnitude() const { return magnitudes_ / checked_count(); }
    /// max|x| of each input.
    const Eigen::VectorXd& largest() const {
        checked_count();
        return largest_;
    }

private:
    double checked_count() const {
        check(count_ > 0, "input_moments: no row was observed");
        return static_cast<double>(count_);
    }

    Eigen::MatrixXd products_;  ///< lower triangle
    Eigen::VectorXd sum_, magnitudes_, largest_;
    std::ptrdiff_t count_ = 0;
};

/// E‖W̃x − Wx‖²: the mean over the observed inputs of the squared error summed over the outputs. Weights: axis 0 is the
/// output channel, all others together the inputs. Complexity O(out·in²).
inline double output_error(tensor_view<const float> exact, tensor_view<const float> rounded,
                           const Eigen::MatrixXd& gram) {
    const Eigen::MatrixXd difference = (as_matrix(rounded) - as_matrix(exact)).cast<double>();
    return (difference * gram).cwiseProduct(difference).sum();
}

}  // namespace lowbit
