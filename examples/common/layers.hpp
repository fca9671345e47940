// SPDX-License-Identifier: Apache-2.0
/// @file
/// Forward and backward of every layer the trainer knows: pure functions on tensors, for float and double.
///
/// `*_forward(…, y, threads)` overwrites y. `*_backward(…, dy, dx, …, threads)` *adds* to dx and to the weights'
/// gradients, for an edge may be read more than once; dx may be null where nobody wants it. Layouts are lowbit's: NHWC,
/// output channel first.
#pragma once

#include "blocks.hpp"
#include "convolution.hpp"
#include "pooling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace examples {

/// y = x·Wᵀ + b over the last axis.
template <class T>
void linear_forward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, tensor<T>& y, const executor& threads) {
    const auto weights = lowbit::as_matrix(w);
    for_blocks(x.size() / weights.cols(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const const_row_map<T> in(x.data() + first * weights.cols(), last - first, weights.cols());
        row_map<T> out(y.data() + first * weights.rows(), last - first, weights.rows());
        out.noalias() = in * weights.transpose();
        if (!b.empty()) out.rowwise() += lowbit::as_matrix(b).row(0);
    });
}

template <class T>
void linear_backward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& dy, tensor<T>* dx, tensor<T>& dw,
                     tensor<T>& db, const executor& threads) {
    const auto weights = lowbit::as_matrix(w);
    block_sums<T> dw_sums(dw.size()), db_sums(db.size());
    for_blocks(x.size() / weights.cols(), threads,
               [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
                   const const_row_map<T> in(x.data() + first * weights.cols(), last - first, weights.cols());
                   const const_row_map<T> dout(dy.data() + first * weights.rows(), last - first, weights.rows());
                   row_map<T>(dw_sums[block], weights.rows(), weights.cols()).noalias() = dout.transpose() * in;
                   if (!db.empty()) row_map<T>(db_sums[block], 1, db.size()) = dout.colwise().sum();
                   if (dx)
                       row_map<T>(dx->data() + first * weights.cols(), last - first, weights.cols()).noalias() +=
                           dout * weights;
               });
    dw_sums.add_to(dw.data());
    db_sums.add_to(db.data());
}

// ---------------------------------------------------------------------------------------------------- batch norm

/// Mean and 1/√(variance + ε) per channel, of the batch or as stored.
template <class T>
struct norm_statistics {
    std::vector<T> mean, inverse_deviation;
};

/// Σ over the rows of f(row, channel), per channel.
template <class T, class Function>
std::vector<T> sum_rows(std::ptrdiff_t rows, std::ptrdiff_t channels, const executor& threads, Function&& f) {
    block_sums<T> sums(channels);
    for_blocks(rows, threads, [&](std::ptrdiff_t block, std::ptrdiff_t first, std::ptrdiff_t last) {
        T* __restrict sum = sums[block];
        for (std::ptrdiff_t row = first; row < last; ++row)
            for (std::ptrdiff_t c = 0; c < channels; ++c) sum[c] += f(row * channels + c, c);
    });
    std::vector<T> total(static_cast<std::size_t>(channels));
    sums.add_to(total.data());
    return total;
}

/// The batch's own statistics; variance biased, as it is used (Ioffe and Szegedy 2015). `variance` receives the
/// unbiased one, for the running average.
template <class T>
norm_statistics<T> batch_statistics(const tensor<T>& x, T epsilon, std::vector<T>& variance, const executor& threads) {
    const std::ptrdiff_t channels = x.shape()[x.rank() - 1], rows = x.size() / channels;
    norm_statistics<T> s;
    s.mean = sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t) { return x[i]; });
    for (T& m : s.mean) m /= static_cast<T>(rows);
    variance = sum_rows<T>(rows, channels, threads, [&, mean = s.mean.data()](std::ptrdiff_t i, std::ptrdiff_t c) {
        return (x[i] - mean[c]) * (x[i] - mean[c]);
    });
    for (T& v : variance) {
        s.inverse_deviation.push_back(T(1) / std::sqrt(v / static_cast<T>(rows) + epsilon));
        v /= static_cast<T>(std::max<std::ptrdiff_t>(rows - 1, 1));
    }
    return s;
}

/// y = gamma·(x − mean)·inverse_deviation + beta.
template <class T>
void batch_norm_forward(const tensor<T>& x, const norm_statistics<T>& s, const tensor<T>& gamma, const tensor<T>& beta,
                        tensor<T>& y, const executor& threads) {
    const std::ptrdiff_t channels = gamma.size();
    std::vector<T> scale, shift;
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        scale.push_back(gamma[c] * s.inverse_deviation[i]);
        shift.push_back(beta[c] - scale[i] * s.mean[i]);
    }
    for_blocks(x.size() / channels, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict in = x.data() + row * channels;
            const T* __restrict a = scale.data();
            const T* __restrict b = shift.data();
            T* __restrict out = y.data() + row * channels;
            for (std::ptrdiff_t c = 0; c < channels; ++c) out[c] = in[c] * a[c] + b[c];
        }
    });
}

/// Through the batch's own statistics:
/// dx += gamma·inverse_deviation·(dy − mean(dy) − x̂·mean(dy·x̂)), dgamma += Σ dy·x̂, dbeta += Σ dy.
template <class T>
void batch_norm_backward(const tensor<T>& x, const norm_statistics<T>& s, const tensor<T>& gamma, const tensor<T>& dy,
                         tensor<T>* dx, tensor<T>& dgamma, tensor<T>& dbeta, const executor& threads) {
    const std::ptrdiff_t channels = gamma.size(), rows = x.size() / channels;
    const T* mean = s.mean.data();
    const T* inverse = s.inverse_deviation.data();
    const std::vector<T> sum_dy =
        sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t) { return dy[i]; });
    const std::vector<T> sum_dy_x = sum_rows<T>(rows, channels, threads, [&](std::ptrdiff_t i, std::ptrdiff_t c) {
        return dy[i] * (x[i] - mean[c]) * inverse[c];
    });
    add_to(dgamma.data(), sum_dy_x.data(), channels);
    add_to(dbeta.data(), sum_dy.data(), channels);
    if (!dx) return;
    // dx += a·dy + b·x + c, one line per channel.
    std::vector<T> a, b, c;
    for (std::size_t i = 0; i < sum_dy.size(); ++i) {
        const T scale = gamma[static_cast<std::ptrdiff_t>(i)] * inverse[i], count = static_cast<T>(rows);
        a.push_back(scale);
        b.push_back(-scale * inverse[i] * sum_dy_x[i] / count);
        c.push_back(-scale * sum_dy[i] / count - b[i] * mean[i]);
    }
    for_blocks(rows, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict in = x.data() + row * channels;
            const T* __restrict dout = dy.data() + row * channels;
            T* __restrict din = dx->data() + row * channels;
            for (std::ptrdiff_t i = 0; i < channels; ++i) {
                const auto k = static_cast<std::size_t>(i);
                din[i] += a[k] * dout[i] + b[k] * in[i] + c[k];
            }
        }
    });
}

// -------------------------------------------------------------------------------------------------- elementwise

/// y[i] = f(x[i]).
template <class T, class Function>
void map_forward(const tensor<T>& x, tensor<T>& y, const executor& threads, Function f) {
    for_blocks(x.size(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const T* __restrict in = x.data();
        T* __restrict out = y.data();
        for (std::ptrdiff_t i = first; i < last; ++i) out[i] = f(in[i]);
    });
}

/// dx[i] += dy[i] where inside(y[i]).
template <class T, class Predicate>
void mask_backward(const tensor<T>& y, const tensor<T>& dy, tensor<T>& dx, const executor& threads, Predicate inside) {
    for_blocks(y.size(), threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        const T* __restrict out = y.data();
        const T* __restrict dout = dy.data();
        T* __restrict din = dx.data();
        for (std::ptrdiff_t i = first; i < last; ++i) din[i] += inside(out[i]) ? dout[i] : T(0);
    });
}

/// y = min(max(x, 0), ceiling), a ceiling for each channel: ReLU6 after equalization.
template <class T>
void clamp_forward(const tensor<T>& x, const tensor<float>& ceiling, tensor<T>& y, const executor& threads) {
    const std::ptrdiff_t channels = ceiling.size();
    for_blocks(x.size() / channels, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict in = x.data() + row * channels;
            T* __restrict out = y.data() + row * channels;
            const float* __restrict most = ceiling.data();
            for (std::ptrdiff_t c = 0; c < channels; ++c) {
                const T low = in[c] > 0 ? in[c] : T(0), high = static_cast<T>(most[c]);
                out[c] = low < high ? low : high;
            }
        }
    });
}

template <class T>
void clamp_backward(const tensor<T>& y, const tensor<float>& ceiling, const tensor<T>& dy, tensor<T>& dx,
                    const executor& threads) {
    const std::ptrdiff_t channels = ceiling.size();
    for_blocks(y.size() / channels, threads, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t row = first; row < last; ++row) {
            const T* __restrict out = y.data() + row * channels;
            const T* __restrict dout = dy.data() + row * channels;
            T* __restrict din = dx.data() + row * channels;
            const float* __restrict most = ceiling.data();
            for (std::ptrdiff_t c = 0; c < channels; ++c)
                din[c] += (out[c] > 0) & (out[c] < static_cast<T>(most[c])) ? dout[c] : T(0);
        }
    });
}

// ------------------------------------------------------------------------------------------------ concatenation

/// f(part, offset in the part, offset in the whole, length) for each contiguous run along the axis.
template <class Function>
void for_concat_runs(const tensor_shape& whole, int axis, std::span<const tensor_shape> parts, Function&& f) {
    const std::ptrdiff_t outer = whole.size_between(0, axis), inner = whole.size_between(axis + 1, whole.rank());
    for (std::ptrdiff_t o = 0; o < outer; ++o) {
        std::ptrdiff_t at = o * whole[axis] * inner;
        for (std::size_t part = 0; part < parts.size(); ++part) {
            const std::ptrdiff_t length = parts[part][axis] * inner;
            f(part, o * length, at, length);
            at += length;
        }
    }
}

// --------------------------------------------------------------------------------------------------------- loss

/// Mean over the batch of −log softmax(logits)[label]. Writes the gradient by the logits.
template <class T>
double cross_entropy(const tensor<T>& logits, std::span<const int> labels, tensor<T>& gradient) {
    const std::ptrdiff_t batch = logits.shape()[0], classes = logits.size() / batch;
    lowbit::check(static_cast<std::ptrdiff_t>(labels.size()) == batch, "cross_entropy: ", labels.size(), " labels for ",
                  batch, " images");
    double loss = 0;
    std::vector<double> e(static_cast<std::size_t>(classes));
    for (std::ptrdiff_t i = 0; i < batch; ++i) {
        const T* row = logits.data() + i * classes;
        const double most = static_cast<double>(*std::max_element(row, row + classes));
        double sum = 0;
        for (std::ptrdiff_t c = 0; c < classes; ++c)
            sum += e[static_cast<std::size_t>(c)] = std::exp(static_cast<double>(row[c]) - most);
        const int label = labels[static_cast<std::size_t>(i)];
        loss -= static_cast<double>(row[label]) - most - std::log(sum);
        for (std::ptrdiff_t c = 0; c < classes; ++c)
            gradient[i * classes + c] = static_cast<T>(
                (e[static_cast<std::size_t>(c)] / sum - (c == label ? 1.0 : 0.0)) / static_cast<double>(batch));
    }
    return loss / static_cast<double>(batch);
}

/// What a trained network, the teacher, answers to the same batch: it says more than the labels (Hinton et al. 2015,
/// "Distilling the Knowledge in a Neural Network").
template <class T>
struct soft_targets {
    const tensor<T>* logits = nullptr;  ///< none: labels alone
    double share = 0.5;                 ///< of the loss; the labels have the rest
    double temperature = 2;             ///< the logits are divided by it
};

/// Makes the gradient of the cross-entropy to the labels that of
///
///     (1 − share)·(that) + share·T²·(cross-entropy of softmax(logits / T) to softmax(teacher / T)).
template <class T>
void add_soft_targets(const tensor<T>& logits, const soft_targets<T>& soft, tensor<T>& gradient) {
    lowbit::check(soft.logits->shape() == logits.shape(), "soft_targets: ", to_string(soft.logits->shape()), " for ",
                  to_string(logits.shape()));
    using rows = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto softened = [&](const tensor<T>& from) -> rows {
        const rows z = lowbit::as_matrix(from).array().template cast<double>() / soft.temperature;
        const rows e = (z.colwise() - z.rowwise().maxCoeff()).exp();
        return e.colwise() / e.rowwise().sum();
    };
    const rows pull = (softened(logits) - softened(*soft.logits)) / static_cast<double>(logits.shape()[0]);
    auto total = lowbit::as_matrix(gradient).array();
    total =
        ((1 - soft.share) * total.template cast<double>() + soft.share * soft.temperature * pull).template cast<T>();
}

}  // namespace examples
