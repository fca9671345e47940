// SPDX-License-Identifier: Apache-2.0
/// @file
/// The network in float32: the baseline that quantization is measured against, and the source of what calibration
/// sees. An observer is shown every edge's value, in topological order.
///
/// Convolutions gather their patches into a matrix (im2col) and multiply it with the weights by Eigen, some 512 KiB at
/// a time; the cut depends on shapes only, so the result does not depend on the executor.
#pragma once

#include <lowbit/core/eigen.hpp>
#include <lowbit/core/executor.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/model/graph.hpp>
#include <lowbit/refine/hadamard.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// Shown a node's edge, the node, and its value for the whole batch. The view lives as long as the call.
using edge_observer = std::function<void(edge, const node&, tensor_view<const float>)>;

namespace detail {

/// body(first, last) over [0, rows) in chunks of at most 2^17 floats, at least one row.
template <class Body>
void for_chunks(std::ptrdiff_t rows, std::ptrdiff_t floats_per_row, const executor& pool, Body&& body) {
    const std::ptrdiff_t chunk = std::max<std::ptrdiff_t>(1, (1 << 17) / std::max<std::ptrdiff_t>(1, floats_per_row));
    pool.parallel_for(ceil_div(rows, chunk),
                      [&](std::ptrdiff_t i) { body(i * chunk, std::min(rows, (i + 1) * chunk)); });
}

/// f(tap, pixel) for the taps of one output position that lie inside the image: tap in [0, kh·kw), pixel in
/// [0, batch·height·width) of the input. Position: in [0, batch·out height·out width).
template <class Function>
void for_each_tap(const node& n, const tensor_shape& in, std::ptrdiff_t position, Function&& f) {
    const image_window& w = n.window;
    const std::ptrdiff_t width = n.shape[2], height = n.shape[1];
    const std::ptrdiff_t image = position / (height * width) * in[1];
    const std::ptrdiff_t top = position / width % height * w.stride[0] - w.padding.top;
    const std::ptrdiff_t left = position % width * w.stride[1] - w.padding.left;
    for (std::ptrdiff_t ky = 0; ky < w.size[0]; ++ky) {
        const std::ptrdiff_t y = top + ky * w.dilation[0];
        if (y < 0 || y >= in[1]) continue;
        for (std::ptrdiff_t kx = 0; kx < w.size[1]; ++kx) {
            const std::ptrdiff_t x = left + kx * w.dilation[1];
            if (x >= 0 && x < in[2]) f(ky * w.size[1] + kx, (image + y) * in[2] + x);
        }
    }
}

/// Weights and bias (or none) of a layer, in the precision that its sums are kept in.
template <class T>
struct layer_values {
    tensor_view<const T> weights{}, bias{};
};

/// Any groups: patches [positions, kh·kw·in/groups] times the group's weights [out/groups, kh·kw·in/groups],
/// transposed.
template <class T>
void convolve(const node& n, const layer_values<T>& layer, tensor_view<const T> x, tensor_view<T> y,
              const executor& pool) {
    const std::ptrdiff_t all = x.shape()[3], channels = all / n.groups, outputs = n.shape[3] / n.groups;
    const auto weights = as_matrix(layer.weights);
    const bool padded = n.window.padding != valid();
    for_chunks(y.size() / n.shape[3], weights.cols(), pool, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
        row_matrix<T> patches(last - first, weights.cols());
        for (std::ptrdiff_t group = 0; group < n.groups; ++group) {
            if (padded) patches.setZero();
            for (std::ptrdiff_t position = first; position < last; ++position) {
                for_each_tap(n, x.shape(), position, [&](std::ptrdiff_t tap, std::ptrdiff_t pixel) {
                    std::copy_n(x.data() + pixel * all + group * channels, channels,
                                &patches(position - first, tap * channels));
                });
            }
            auto result = as_matrix(y.reshaped({y.size() / n.shape[3], n.shape[3]}))
                              .block(first, group * outputs, last - first, outputs);
            result.noalias() = patches * weights.middleRows(group * outputs, outputs).transpose();
            if (!layer.bias.empty()) result.rowwise() += as_matrix(layer.bias).row(0).segment(group * outputs, outputs);
        }
    });
}

/// `count` numbers as an Eigen array: arithmetic on it runs several at a time.
template <class T>
auto lanes(T* data, std::ptrdiff_t count) {
    using array = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
    return Eigen::Map<std::conditional_t<std::is_const_v<T>, const array, array>>(data, count);
}

/// One input channel per output: taps are added up for all channels side by side.
template <class T>
void convolve_depthwise(const node& n, const layer_values<T>& layer, tensor_view<const T> x, tensor_view<T> y,
                        const executor& pool) {
    const std::ptrdiff_t outputs = n.shape[3], channels = x.shape()[3], multiplier = outputs / channels;
    const row_matrix<T> taps = as_matrix(layer.weights).transpose();  // [kh·kw, out]
    for_chunks(y.size() / outputs, outputs, pool, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
        for (std::ptrdiff_t position = first; position < last; ++position) {
            auto sum = lanes(y.data() + position * outputs, outputs);
            if (!layer.bias.empty()) sum = as_array(layer.bias);
            for_each_tap(n, x.shape(), position, [&](std::ptrdiff_t tap, std::ptrdiff_t pixel) {
                const T* from = x.data() + pixel * channels;
                const auto weight = taps.row(tap).transpose().array();
                if (multiplier == 1) {
                    sum += lanes(from, channels) * weight;
                } else {
                    for (std::ptrdiff_t c = 0; c < outputs; ++c) sum[c] += from[c / multiplier] * weight[c];
                }
            });
        }
    });
}

template <class T>
void multiply_linear(const layer_values<T>& layer, tensor_view<const T> x, tensor_view<T> y, const executor& pool) {
    const auto weights = as_matrix(layer.weights);
    const std::ptrdiff_t rows = x.size() / weights.cols();
    const auto in = as_matrix(x.reshaped({rows, weights.cols()}));
    auto out = as_matrix(y.reshaped({rows, weights.rows()}));
    for_chunks(rows, weights.cols(), pool, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
        auto result = out.middleRows(first, last - first);
        result.noalias() = in.middleRows(first, last - first) * weights.transpose();
        if (!layer.bias.empty()) result.rowwise() += as_matrix(layer.bias).row(0);
    });
}

/// conv2d, depthwise_conv2d or linear, with the geometry of the node and the given weights; y has its shape, zeroed.
template <class T>
void apply_layer(const node& n, const layer_values<T>& layer, tensor_view<const T> x, tensor_view<T> y,
                 const executor& pool) {
    if (n.kind == op::linear) return multiply_linear(layer, x, y, pool);
    return n.kind == op::conv2d ? convolve(n, layer, x, y, pool) : convolve_depthwise(n, layer, x, y, pool);
}

/// Maximum or mean of the valid taps.
inline void pool_window(const node& n, tensor_view<const float> x, tensor_view<float> y) {
    const std::ptrdiff_t channels = n.shape[3];
    for (std::ptrdiff_t position = 0; position < y.size() / channels; ++position) {
        auto out = lanes(y.data() + position * channels, channels);
        float taps = 0;
        for_each_tap(n, x.shape(), position, [&](std::ptrdiff_t, std::ptrdiff_t pixel) {
            const auto in = lanes(x.data() + pixel * channels, channels);
            taps += 1;
            if (n.kind == op::average_pool) {
                out += in;
            } else if (taps == 1) {
                out = in;
            } else {
                out = out.max(in);
            }
        });
        if (n.kind == op::average_pool) out /= taps;
    }
}

inline void pool_globally(tensor_view<const float> x, tensor_view<float> y) {
    const std::ptrdiff_t pixels = x.shape()[1] * x.shape()[2], channels = x.shape()[3];
    for (std::ptrdiff_t image = 0; image < x.shape()[0]; ++image) {
        const auto in = as_matrix(tensor_view<const float>(x.data() + image * pixels * channels, {pixels, channels}));
        as_matrix(y.reshaped({x.shape()[0], channels})).row(image) = in.colwise().mean();
    }
}

inline void normalize(const batch_norm_options& b, tensor_view<const float> x, tensor_view<float> y) {
    const auto row = [](const tensor<float>& values) { return as_array(values.view()).transpose(); };
    const Eigen::Array<float, 1, Eigen::Dynamic> scale = row(b.gamma) / (row(b.variance) + b.epsilon).sqrt();
    const Eigen::Array<float, 1, Eigen::Dynamic> shift = row(b.beta) - row(b.mean) * scale;
    const tensor_shape rows{x.size() / scale.size(), scale.size()};
    as_matrix(y.reshaped(rows)).array() = (as_matrix(x.reshaped(rows)).array().rowwise() * scale).rowwise() + shift;
}

inline void concatenate(const node& n, std::span<const tensor_view<const float>> inputs, tensor_view<float> y) {
    const std::ptrdiff_t stride = y.shape().size_between(n.axis, y.rank());
    std::ptrdiff_t offset = 0;
    for (const auto& x : inputs) {
        const std::ptrdiff_t part = x.shape().size_between(n.axis, x.rank());
        for (std::ptrdiff_t i = 0; i * part < x.size(); ++i)
            std::copy_n(x.data() + i * part, part, y.data() + i * stride + offset);
        offset += part;
    }
}

inline void softmax_rows(tensor_view<const float> x, tensor_view<float> y) {
    const std::ptrdiff_t n = x.shape()[x.rank() - 1];
    for (std::ptrdiff_t row = 0; row < x.size(); row += n) {
        const float* in = x.data() + row;
        float* out = y.data() + row;
        const float largest = *std::max_element(in, in + n);
        float sum = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) sum += out[i] = std::exp(in[i] - largest);
        for (std::ptrdiff_t i = 0; i < n; ++i) out[i] /= sum;
    }
}

}  // namespace detail

/// The value of one node of any kind but input, given the values of its inputs: their shapes are the graph's, with any
/// one batch. Errors: a count of inputs that is not the node's.
inline tensor<float> evaluate(const node& n, std::span<const tensor_view<const float>> inputs, executor pool = {}) {
    check(inputs.size() == n.inputs.size() && !inputs.empty(), describe(n), ": ", inputs.size(), " values for ",
          n.inputs.size(), " inputs");
    const tensor_view<const float> x = inputs[0];
    tensor<float> y(with_batch(n.shape, x.shape()[0]));
    switch (n.kind) {
        case op::conv2d:
        case op::depthwise_conv2d:
        case op::linear:
            detail::apply_layer<float>(n, {n.weights, n.bias}, x, y, pool);
            break;
        case op::batch_norm:
            detail::normalize(n.norm, x, y);
            break;
        case op::relu:
            as_array(y.view()) = as_array(x).max(0.0f);
            break;
        case op::relu6:
            as_array(y.view()) = as_array(x).max(0.0f);
            if (n.ceiling.empty()) {
                as_array(y.view()) = as_array(std::as_const(y).view()).min(6.0f);
            } else {
                for (std::ptrdiff_t i = 0; i < y.size(); ++i) y[i] = std::min(y[i], n.ceiling[i % n.ceiling.size()]);
            }
            break;
        case op::activation:
            std::transform(x.begin(), x.end(), y.begin(), n.function.function);
            break;
        case op::max_pool:
        case op::average_pool:
            detail::pool_window(n, x, y);
            break;
        case op::global_average_pool:
            detail::pool_globally(x, y);
            break;
        case op::add:
            as_array(y.view()) = as_array(x) + as_array(inputs[1]);
            break;
        case op::mul:
            as_array(y.view()) = as_array(x) * as_array(inputs[1]);
            break;
        case op::concat:
            detail::concatenate(n, inputs, y);
            break;
        case op::softmax:
            detail::softmax_rows(x, y);
            break;
        case op::hadamard:
            std::copy(x.begin(), x.end(), y.begin());
            rotate(y, n.rotation);
            break;
        case op::input:
        case op::flatten:
        case op::reshape:
        case op::output:
            std::copy(x.begin(), x.end(), y.begin());
            break;
    }
    return y;
}

namespace detail {

/// All samples at once; inputs fit.
inline std::vector<tensor<float>> run_batch(const graph& g, std::span<const tensor_view<const float>> inputs,
                                            const edge_observer& observe, const executor& pool) {
    std::vector<std::size_t> uses(g.nodes().size());
    for (const node& n : g.nodes())
        for (const edge e : n.inputs) ++uses[static_cast<std::size_t>(e.node)];

    std::vector<tensor<float>> values(g.nodes().size()), results;
    std::vector<tensor_view<const float>> views(g.nodes().size()), from;
    std::size_t next_input = 0;
    for (int i = 0; i < g.size(); ++i) {
        const node& n = g[edge{i}];
        const auto at = static_cast<std::size_t>(i);
        if (n.kind == op::input) {
            views[at] = inputs[next_input++];
        } else {
            from.clear();
            for (const edge e : n.inputs) from.push_back(views[static_cast<std::size_t>(e.node)]);
            values[at] = evaluate(n, from, pool);
            views[at] = std::as_const(values[at]).view();
        }
        if (observe) observe({i}, n, views[at]);
        for (const edge e : n.inputs)
            if (--uses[static_cast<std::size_t>(e.node)] == 0) values[static_cast<std::size_t>(e.node)] = {};
        if (n.kind == op::output) results.push_back(std::move(values[at]));
    }
    return results;
}

/// The samples [first, first + count).
inline tensor_view<const float> samples_of(tensor_view<const float> x, std::ptrdiff_t first, std::ptrdiff_t count) {
    return {x.data() + first * (x.size() / x.shape()[0]), with_batch(x.shape(), count)};
}

}  // namespace detail

/// Runs the network on a batch: one tensor per input node, in their order; returns one per output node. With an
/// observer all samples run together, so that it sees whole edges; else 64 at a time, which stay in the caches. Values
/// are dropped after their last use.
/// Errors: an input that does not fit its node in more than the batch, or batches that differ.
inline std::vector<tensor<float>> float_run_all(const graph& g, std::span<const tensor_view<const float>> inputs,
                                                const edge_observer& observe = {}, const executor& pool = {}) {
    const std::vector<edge> nodes = g.inputs();
    check(!inputs.empty() && inputs.size() == nodes.size(), "float_run: ", inputs.size(), " inputs for ", nodes.size(),
          " input nodes");
    const std::ptrdiff_t batch = inputs[0].rank() > 0 ? inputs[0].shape()[0] : 0, at_once = 64;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const tensor_shape expected = with_batch(g[nodes[i]].shape, batch);
        check(inputs[i].shape() == expected, describe(g[nodes[i]]), ": expects ", to_string(expected), ", not ",
              to_string(inputs[i].shape()));
    }
    if (observe || batch <= at_once) return detail::run_batch(g, inputs, observe, pool);

    std::vector<tensor<float>> results;
    for (const edge e : g.outputs()) results.emplace_back(with_batch(g[e].shape, batch));
    pool.parallel_for(ceil_div(batch, at_once), [&](std::ptrdiff_t chunk) {
        const std::ptrdiff_t first = chunk * at_once, count = std::min(at_once, batch - first);
        std::vector<tensor_view<const float>> part;
        for (const auto& x : inputs) part.push_back(detail::samples_of(x, first, count));
        const auto outputs = detail::run_batch(g, part, {}, {});
        for (std::size_t i = 0; i < results.size(); ++i)
            std::copy(outputs[i].begin(), outputs[i].end(), results[i].data() + first * (outputs[i].size() / count));
    });
    return results;
}

/// A network with one input and one output. x: anything `read_float` takes; a batch of any size.
template <class X>
tensor<float> float_run(const graph& g, const X& x, const edge_observer& observe = {}, executor pool = {}) {
    check(g.outputs().size() == 1, "float_run: ", g.outputs().size(), " output nodes instead of one");
    const auto values = read_float(x);
    const tensor_view<const float> view = values.view();
    return std::move(float_run_all(g, std::span(&view, 1), observe, pool)[0]);
}

}  // namespace lowbit
