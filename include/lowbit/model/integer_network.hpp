// SPDX-License-Identifier: Apache-2.0
/// @file
/// A quantized network that runs with integers only: weights packed for the kernels, memory planned once.
///
///     const integer_network net(quantized);
///     tensor<float> scores = net.run(images);                        // quantizes, runs, dequantizes
///     net.run_codes(batch, inputs, outputs, workspace.data());       // int8 or uint8 in and out, allocates nothing
///
/// Between quantizing the input and dequantizing the output no floating point is executed; a softmax at the end is
/// computed on the dequantized values (its argmax is that of the codes).
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/source.hpp>
#include <lowbit/kernels/conv2d.hpp>
#include <lowbit/kernels/depthwise.hpp>
#include <lowbit/kernels/linear.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/lower.hpp>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace lowbit {

/// Borrowed 8-bit codes of an edge: int8 or uint8, read as int32.
class code_view {
public:
    code_view(const void* data, bool is_signed, const tensor_shape& shape)
        : data_(data), is_signed_(is_signed), shape_(shape) {}

    const tensor_shape& shape() const { return shape_; }
    std::ptrdiff_t size() const { return shape_.size(); }
    std::int32_t operator[](std::ptrdiff_t i) const {
        return is_signed_ ? static_cast<const std::int8_t*>(data_)[i] : static_cast<const std::uint8_t*>(data_)[i];
    }

private:
    const void* data_;
    bool is_signed_;
    tensor_shape shape_;
};

/// The values that codes stand for.
inline tensor<float> decode_codes(const code_view& codes, const edge_codes& meaning) {
    tensor<float> values(codes.shape());
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) values[i] = meaning.decode(codes[i]);
    return values;
}

/// Shown each edge whose codes exist in memory, in order: inputs, then the output of every step.
using code_observer = std::function<void(edge, const node&, const code_view&)>;

namespace detail {

inline std::ptrdiff_t align_bytes(std::ptrdiff_t bytes) { return ceil_div<std::ptrdiff_t>(bytes, 64) * 64; }

/// Which bytes of an arena each buffer gets: those that nobody needs from the step that writes it to the last that
/// reads it. First fit, in order of time.
class memory_plan {
public:
    /// Reserves bytes for the steps [first, last]; returns their offset.
    std::ptrdiff_t reserve(std::ptrdiff_t bytes, std::ptrdiff_t first, std::ptrdiff_t last) {
        std::vector<block> alive;
        for (const block& b : blocks_)
            if (b.first <= last && first <= b.last) alive.push_back(b);
        std::sort(alive.begin(), alive.end(), [](const block& a, const block& b) { return a.offset < b.offset; });
        std::ptrdiff_t offset = 0;
        for (const block& b : alive) {
            if (b.offset - offset >= bytes) break;
            offset = std::max(offset, b.offset + b.bytes);
        }
        blocks_.push_back({offset, bytes, first, last});
        size_ = std::max(size_, offset + bytes);
        return offset;
    }
    std::ptrdiff_t size() const { return size_; }

private:
    struct block {
        std::ptrdiff_t offset, bytes, first, last;
    };
    std::vector<block> blocks_;
    std::ptrdiff_t size_ = 0;
};

}  // namespace detail

/// A network packed for integer kernels. Copyable; runs from several threads at once, each with its own workspace.
class integer_network {
public:
    /// Lowers, packs and plans. Errors: what `lower` refuses; a layer that the kernels refuse, with node and channel.
    explicit integer_network(quantized_graph q) : quantized_(std::move(q)), steps_(lower(quantized_)) {
        buffers_ = code_buffers(quantized_.network);
        inputs_ = quantized_.network.inputs();
        outputs_ = quantized_.network.outputs();
        for (const integer_step& step : steps_) packed_.push_back(pack(step));
        plan_memory();
    }

    const quantized_graph& quantized() const { return quantized_; }
    const std::vector<integer_step>& steps() const { return steps_; }
    /// The edge in whose memory a node's codes are.
    edge buffer_of(edge e) const { return buffers_[index(e)]; }
    /// What the codes of an edge mean.
    const edge_codes& codes_of(edge e) const { return quantized_.edges[index(e)]; }
    /// Codes are int8, else uint8.
    bool is_signed() const { return quantized_.edges.front().scheme.is_signed; }

    /// Bytes of workspace, aligned to 64, that a batch needs.
    std::size_t workspace_bytes(std::ptrdiff_t batch) const {
        return static_cast<std::size_t>(arena_ * batch + kernel_workspace(batch));
    }

    /// Codes in, codes out, for each input and output node in order; allocates nothing. T: int8 or uint8, as the
    /// network's codes are. workspace: `workspace_bytes(batch)` bytes, aligned to 64.
    template <class T>
    void run_codes(std::ptrdiff_t batch, std::span<const T* const> inputs, std::span<T* const> outputs, void* workspace,
                   const executor& pool = {}, const code_observer& observe = {}) const {
        check(std::is_signed_v<T> == is_signed(), "integer_network: the codes are ", is_signed() ? "int8" : "uint8");
        check(inputs.size() == inputs_.size() && outputs.size() == outputs_.size(), "integer_network: ", inputs.size(),
              " inputs and ", outputs.size(), " outputs for ", inputs_.size(), " and ", outputs_.size(), " nodes");
        const run_state<T> state{batch, inputs, static_cast<T*>(workspace), pool};
        const auto show = [&](edge e) {
            if (!observe) return;
            const node& n = quantized_.network[e];
            observe(e, n, code_view(codes_at(state, e), is_signed(), with_batch(n.shape, batch)));
        };
        for (const edge e : inputs_) show(e);
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            run_step(state, steps_[i], packed_[i]);
            show(steps_[i].output);
        }
        for (std::size_t i = 0; i < outputs_.size(); ++i) {
            const T* codes = codes_at(state, buffer_of(outputs_[i]));
            std::copy_n(codes, batch * sample_size(outputs_[i]), outputs[i]);
        }
    }

    /// Float in, float out: one tensor per input and output node. Large batches run some samples at a time.
    /// Errors: inputs that do not fit; NaN in one (infinities saturate).
    std::vector<tensor<float>> run_all(std::span<const tensor_view<const float>> inputs, const executor& pool = {},
                                       const code_observer& observe = {}) const {
        return is_signed() ? run_float<std::int8_t>(inputs, pool, observe)
                           : run_float<std::uint8_t>(inputs, pool, observe);
    }

    /// One input, one output. x: anything `read_float` takes; a batch of any size.
    template <class X>
    tensor<float> run(const X& x, const executor& pool = {}, const code_observer& observe = {}) const {
        check(outputs_.size() == 1, "integer_network: ", outputs_.size(), " output nodes instead of one");
        const auto values = read_float(x);
        const tensor_view<const float> view = values.view();
        return std::move(run_all(std::span(&view, 1), pool, observe)[0]);
    }

private:
    static constexpr std::ptrdiff_t samples_at_once = 64;

    template <class T>
    struct run_state {
        std::ptrdiff_t batch;
        std::span<const T* const> inputs;
        T* workspace;
        const executor& pool;
    };

    static std::size_t index(edge e) { return static_cast<std::size_t>(e.node); }
    const node& node_at(edge e) const { return quantized_.network[e]; }
    std::ptrdiff_t sample_size(edge e) const { return detail::sample_size(node_at(e)); }

    conv2d_shape convolution_shape(const integer_step& step) const {
        const node& n = node_at(step.node);
        const tensor_shape& in = node_at(n.inputs[0]).shape;
        return {in[1], in[2], in[3], n.shape[3], detail::kernel_window(n.window), n.groups};
    }
    depthwise_shape depthwise_shape_of(const integer_step& step) const {
        const conv2d_shape c = convolution_shape(step);
        return {c.height, c.width, c.channels, c.window, c.out_channels / c.channels};
    }
    linear_shape linear_shape_of(const integer_step& step) const {
        const tensor_shape& weights = node_at(step.node).weights.shape();
        return {weights[1], weights[0]};
    }
    /// Rows of a linear layer in a batch.
    std::ptrdiff_t linear_rows(const integer_step& step, std::ptrdiff_t batch) const {
        return batch * sample_size(step.node) / node_at(step.node).weights.shape()[0];
    }

    /// Empty where the step has no weights.
    aligned_vector<std::uint8_t> pack(const integer_step& step) const {
        const node& n = node_at(step.node);
        if (!n.has_weights()) return {};
        const code_type type = is_signed() ? code_type::s8 : code_type::u8;
        const integer_layer layer{.weights = step.weights.codes.data(),
                                  .weight_type = step.weights.is_signed ? code_type::s8 : code_type::u8,
                                  .weight_zero_points = step.weights.zero_points,
                                  .input_type = type,
                                  .input_zero_point = codes_of(step.inputs[0]).params.zero_point,
                                  .output_type = type,
                                  .output = step.stage(codes_of(step.output), quantized_.rounding)};
        aligned_vector<std::uint8_t> memory;
        pack_status status;
        const auto pack_with = [&](const auto& shape, auto bytes, auto fill) {
            memory.resize(bytes(shape, layer, active_isa()));
            status = fill(shape, layer, memory.data(), active_isa());
        };
        if (n.kind == op::linear) {
            pack_with(linear_shape_of(step), packed_linear_bytes, pack_linear);
        } else if (n.kind == op::conv2d) {
            pack_with(convolution_shape(step), packed_conv2d_bytes, pack_conv2d);
        } else {
            pack_with(depthwise_shape_of(step), packed_depthwise_bytes, pack_depthwise);
        }
        check(bool(status), describe(n), ": ", to_string(status.error), " (channel ", status.channel, ")");
        return memory;
    }

    /// Each buffer lives from the step that writes it to the last one that reads it, or to the end for an output's.
    void plan_memory() {
        const auto count = static_cast<std::ptrdiff_t>(steps_.size());
        std::vector<std::ptrdiff_t> last_use(buffers_.size(), -1);
        for (std::ptrdiff_t i = 0; i < count; ++i)
            for (const edge e : steps_[static_cast<std::size_t>(i)].inputs) last_use[index(e)] = i;
        for (const edge e : outputs_) last_use[index(buffer_of(e))] = count;
        detail::memory_plan plan;
        offsets_.resize(buffers_.size());
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            const edge e = steps_[static_cast<std::size_t>(i)].output;
            offsets_[index(e)] = plan.reserve(detail::align_bytes(sample_size(e)), i, std::max(last_use[index(e)], i));
        }
        arena_ = plan.size();
    }

    std::ptrdiff_t kernel_workspace(std::ptrdiff_t batch) const {
        std::size_t most = 0;
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const void* memory = packed_[i].data();
            switch (node_at(steps_[i].node).kind) {
                case op::linear:
                    most = std::max(most, linear_workspace_bytes(packed_linear(memory), linear_rows(steps_[i], batch)));
                    break;
                case op::conv2d:
                    most = std::max(most, conv2d_workspace_bytes(packed_conv2d(memory), batch));
                    break;
                case op::depthwise_conv2d:
                    most = std::max(most, depthwise_workspace_bytes(packed_depthwise(memory), batch));
                    break;
                default:
                    break;
            }
        }
        return static_cast<std::ptrdiff_t>(most);
    }

    /// The codes of a buffer: an input's are the caller's.
    template <class T>
    const T* codes_at(const run_state<T>& state, edge e) const {
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (inputs_[i] == e) return state.inputs[i];
        return state.workspace + offsets_[index(e)] * state.batch;
    }

    template <class T>
    void run_step(const run_state<T>& s, const integer_step& step, const aligned_vector<std::uint8_t>& packed) const {
        const node& n = node_at(step.node);
        const T* const x = codes_at(s, step.inputs[0]);
        T* const y = s.workspace + offsets_[index(step.output)] * s.batch;
        void* const scratch = s.workspace + arena_ * s.batch;
        bool packed_here = true;
        switch (n.kind) {
            case op::conv2d:
                packed_here = conv2d(packed_conv2d(packed.data()), s.batch, x, y, scratch, s.pool);
                break;
            case op::depthwise_conv2d:
                packed_here = depthwise(packed_depthwise(packed.data()), s.batch, x, y, scratch, s.pool);
                break;
            case op::linear:
                packed_here = linear(packed_linear(packed.data()), linear_rows(step, s.batch), x, y, scratch, s.pool);
                break;
            default:
                apply_step(
                    quantized_.network, step, s.batch, [&](std::size_t i) { return codes_at(s, step.inputs[i]); }, y,
                    s.pool);
                break;
        }
        check(packed_here,
              "integer_network: packed for another instruction set than the active one; construct it anew");
    }

    /// Dequantized; a softmax between buffer and output is computed here, in float.
    template <class T>
    void decode_output(edge output, const T* codes, std::ptrdiff_t batch, float* to) const {
        const edge buffer = buffer_of(output);
        const edge_codes& meaning = codes_of(buffer);
        tensor<float> values(with_batch(node_at(output).shape, batch));
        dequantize_affine(codes, values.size(), meaning.params.scale, meaning.params.zero_point, values.data());
        std::vector<edge> softmaxes;
        for (edge e = output; node_at(e).kind != op::input && e != buffer; e = node_at(e).inputs[0])
            if (node_at(e).kind == op::softmax) softmaxes.insert(softmaxes.begin(), e);
        for (const edge e : softmaxes) {
            values.reshape(with_batch(node_at(e).shape, batch));
            const tensor_view<const float> view = std::as_const(values).view();
            values = evaluate(node_at(e), std::span(&view, 1));
        }
        std::copy(values.begin(), values.end(), to);
    }

    template <class T>
    std::vector<tensor<float>> run_float(std::span<const tensor_view<const float>> inputs, const executor& pool,
                                         const code_observer& observe) const {
        check(!inputs.empty() && inputs.size() == inputs_.size(), "integer_network: ", inputs.size(), " inputs for ",
              inputs_.size(), " input nodes");
        const std::ptrdiff_t batch = inputs[0].rank() > 0 ? inputs[0].shape()[0] : 0;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const tensor_shape expected = with_batch(node_at(inputs_[i]).shape, batch);
            check(inputs[i].shape() == expected, describe(node_at(inputs_[i])), ": expects ", to_string(expected),
                  ", not ", to_string(inputs[i].shape()));
            const std::ptrdiff_t nan = find_nan(inputs[i].data(), inputs[i].size());
            check(nan == inputs[i].size(), describe(node_at(inputs_[i])), ": NaN at index ", nan);
        }
        std::vector<tensor<float>> results;
        for (const edge e : outputs_) results.emplace_back(with_batch(node_at(e).shape, batch));

        aligned_vector<std::uint8_t> workspace(workspace_bytes(std::min(batch, samples_at_once)));
        std::vector<aligned_vector<T>> in(inputs_.size()), out(outputs_.size());
        std::vector<const T*> in_pointers(inputs_.size());
        std::vector<T*> out_pointers(outputs_.size());
        for (std::ptrdiff_t first = 0; first < batch; first += samples_at_once) {
            const std::ptrdiff_t samples = std::min(samples_at_once, batch - first);
            for (std::size_t i = 0; i < in.size(); ++i) {
                const std::ptrdiff_t size = sample_size(inputs_[i]);
                in[i].resize(static_cast<std::size_t>(samples * size));
                quantize_affine(inputs[i].data() + first * size, samples * size, codes_of(inputs_[i]).grid(),
                                in[i].data());
                in_pointers[i] = in[i].data();
            }
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i].resize(static_cast<std::size_t>(samples * sample_size(outputs_[i])));
                out_pointers[i] = out[i].data();
            }
            run_codes<T>(samples, in_pointers, out_pointers, workspace.data(), pool, observe);
            for (std::size_t i = 0; i < out.size(); ++i)
                decode_output(outputs_[i], out[i].data(), samples,
                              results[i].data() + first * sample_size(outputs_[i]));
        }
        return results;
    }

    quantized_graph quantized_;
    std::vector<integer_step> steps_;
    std::vector<edge> buffers_, inputs_, outputs_;
    std::vector<aligned_vector<std::uint8_t>> packed_;
    std::vector<std::ptrdiff_t> offsets_;  // of each buffer, for one sample
    std::ptrdiff_t arena_ = 0;             // bytes for one sample
};

}  // namespace lowbit
