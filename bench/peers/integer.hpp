// SPDX-License-Identifier: Apache-2.0
/// @file
/// Integer layers for the comparisons: one problem with its data, ours, and the peers that solve it, each ready to run
/// again and again. Every peer rounds in floating point but gemmlowp; where a peer has no such problem it is left out.
#pragma once

#include <bench/peers/report.hpp>
#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/conv2d.hpp>
#include <lowbit/kernels/depthwise.hpp>
#include <lowbit/kernels/linear.hpp>
#include <lowbit/kernels/reference.hpp>

#include <cstdlib>
#include <memory>
#include <random>
#include <unordered_map>

#include <xnnpack.h>
#include <dnnl.hpp>

namespace peers {

#if defined(__x86_64__)
#define LOWBIT_TWELVE(instruction, sources, bank)                                                    \
    instruction sources bank                                                                         \
        "0\n" instruction sources bank "1\n" instruction sources bank "2\n" instruction sources bank \
        "3\n" instruction sources bank "4\n" instruction sources bank "5\n" instruction sources bank \
        "6\n" instruction sources bank "7\n" instruction sources bank "8\n" instruction sources bank \
        "9\n" instruction sources bank "10\n" instruction sources bank "11\n"
#define LOWBIT_BANK "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"

/// 2000 times twelve VPDPBUSD of 512 bits: 128 operations each.
inline double probe_vnni() {
    for (int i = 0; i < 2000; ++i)
        __asm__ volatile(LOWBIT_TWELVE("vpdpbusd ", "%%zmm30, %%zmm31, ", "%%zmm")::: LOWBIT_BANK);
    return 2000.0 * 12 * 128;
}

/// 2000 times twelve VPMADDWD of 256 bits: 32 operations each.
inline double probe_madd() {
    for (int i = 0; i < 2000; ++i)
        __asm__ volatile(LOWBIT_TWELVE("vpmaddwd ", "%%ymm14, %%ymm15, ", "%%ymm")::: LOWBIT_BANK);
    return 2000.0 * 12 * 32;
}
#undef LOWBIT_TWELVE
#undef LOWBIT_BANK
#endif

/// Ends the program with a message: a comparison that computes something else is worth nothing.
inline void require(bool condition, const std::string& message) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(1);
}

using bytes = lowbit::aligned_vector<std::byte>;

/// A layer, linear (a 1x1 convolution of `rows` pixels) or a convolution, with random data. Real scales are such that
/// the outputs spread over their range.
struct problem {
    lowbit::conv2d_shape shape;
    std::ptrdiff_t rows = 0;  ///< of a linear layer, or the batch
    bool linear = false, depthwise = false;
    std::int32_t x_zero = 0, y_zero = 0;
    lowbit::aligned_vector<std::uint8_t> x;  ///< 0..127, so that it is uint8 and int8 alike
    lowbit::aligned_vector<std::int8_t> w;
    std::vector<std::int32_t> bias;
    std::vector<float> scales;                    ///< S_x·S_w[c]/S_y
    std::vector<lowbit::multiplier> multipliers;  ///< the same
    std::vector<lowbit::code_range> relu;

    problem(const lowbit::conv2d_shape& s, std::ptrdiff_t count, bool is_linear)
        : shape(s), rows(count), linear(is_linear) {
        depthwise = !linear && shape.groups > 1;
        std::mt19937 random(7);
        const auto resize = [](auto& values, std::ptrdiff_t size) {
            values.resize(static_cast<std::size_t>(size) + 64);  // XNNPACK reads past the end
        };
        resize(x, rows * shape.height * shape.width * shape.channels);
        resize(w, shape.out_channels * shape.depth());
        for (auto& value : x) value = static_cast<std::uint8_t>(random() % 128);
        for (auto& value : w) value = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
        for (std::ptrdiff_t c = 0; c < shape.out_channels; ++c) {
            bias.push_back(static_cast<std::int32_t>(random() % 2000) - 1000);
            scales.push_back(static_cast<float>(1 + random() % 64) / (64.0f * 60.0f * std::sqrt(float(shape.depth()))));
            multipliers.push_back(lowbit::make_multiplier(double(scales.back())));
        }
        relu = {{0, 255}};
    }

    std::ptrdiff_t out_pixels() const { return rows * shape.out_height() * shape.out_width(); }
    std::ptrdiff_t outputs() const { return out_pixels() * shape.out_channels; }
    double operations() const { return 2.0 * double(outputs()) * double(shape.depth()); }

    lowbit::integer_layer layer(lowbit::code_type in, lowbit::code_type out) const {
        lowbit::integer_layer l{.weights = w.data(), .input_type = in, .input_zero_point = x_zero, .output_type = out};
        l.output.bias = bias;
        if (out == lowbit::code_type::s32) return l;
        l.output.multipliers = multipliers;
        l.output.zero_point = y_zero;
        l.output.clamp = relu;
        return l;
    }
};

/// Ours, packed for the active instruction set. X and Y as packed for.
template <class X, class Y>
class ours {
public:
    explicit ours(const problem& p) : problem_(p), y_(static_cast<std::size_t>(p.outputs())) {
        const lowbit::integer_layer layer = p.layer(lowbit::code_type_of<X>, lowbit::code_type_of<Y>);
        const auto& s = p.shape;
        const lowbit::linear_shape matrix{s.channels, s.out_channels};
        const lowbit::depthwise_shape deep{s.height, s.width, s.channels, s.window, s.out_channels / s.channels};
        memory_.resize(p.linear      ? lowbit::packed_linear_bytes(matrix, layer)
                       : p.depthwise ? lowbit::packed_depthwise_bytes(deep, layer)
                                     : lowbit::packed_conv2d_bytes(s, layer));
        const lowbit::pack_status status = p.linear      ? lowbit::pack_linear(matrix, layer, memory_.data())
                                           : p.depthwise ? lowbit::pack_depthwise(deep, layer, memory_.data())
                                                         : lowbit::pack_conv2d(s, layer, memory_.data());
        require(bool(status), to_string(status.error));
        linear_ = lowbit::packed_linear(memory_.data());
        conv_ = lowbit::packed_conv2d(memory_.data());
        depthwise_ = lowbit::packed_depthwise(memory_.data());
        workspace_.resize(p.linear      ? lowbit::linear_workspace_bytes(linear_, p.rows)
                          : p.depthwise ? lowbit::depthwise_workspace_bytes(depthwise_, p.rows)
                                        : lowbit::conv2d_workspace_bytes(conv_, p.rows));
    }

    void operator()(const lowbit::executor& threads = {}) {
        const X* x = reinterpret_cast<const X*>(problem_.x.data());
        const bool ran = problem_.linear
                             ? lowbit::linear(linear_, problem_.rows, x, y_.data(), workspace_.data(), threads)
                         : problem_.depthwise
                             ? lowbit::depthwise(depthwise_, problem_.rows, x, y_.data(), workspace_.data(), threads)
                             : lowbit::conv2d(conv_, problem_.rows, x, y_.data(), workspace_.data(), threads);
        if (!ran) std::abort();
    }

    /// Compares with the scalar reference: everything where that is quick, else the first rows or image lines.
    void check() {
        (*this)();
        problem part = problem_;
        if (part.linear) {
            part.rows = std::min<std::ptrdiff_t>(
                part.rows,
                1 + static_cast<std::ptrdiff_t>(4e7 / double(part.shape.channels * part.shape.out_channels)));
        }
        std::vector<Y> expected(static_cast<std::size_t>(part.outputs()));
        const X* x = reinterpret_cast<const X*>(part.x.data());
        const lowbit::integer_layer layer = part.layer(lowbit::code_type_of<X>, lowbit::code_type_of<Y>);
        if (part.linear) {
            lowbit::reference::linear(part.rows, {part.shape.channels, part.shape.out_channels}, x, part.x_zero,
                                      part.w.data(), {}, layer.output, expected.data());
        } else {
            lowbit::reference::conv2d(part.rows, part.shape, x, part.x_zero, part.w.data(), {}, layer.output,
                                      expected.data());
        }
        require(std::equal(expected.begin(), expected.end(), y_.begin()), "not the bits of the reference");
    }

    const std::vector<Y>& y() const { return y_; }

private:
    const problem& problem_;
    bytes memory_, workspace_;
    lowbit::packed_linear linear_;
    lowbit::packed_conv2d conv_;
    lowbit::packed_depthwise depthwise_;
    std::vector<Y> y_;
};

/// oneDNN (v2): matmul, inner product or direct convolution; float requantization, ReLU.
class onednn {
public:
    enum class kind { matmul, inner_product, convolution };

    onednn(const problem& p, kind which, dnnl::memory::data_type in, dnnl::memory::data_type out, bool zero_points)
        : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
        using dnnl::memory;
        using tag = memory::format_tag;
        using type = memory::data_type;
        const auto& s = p.shape;
        const window w{s.window};
        const memory::dim m = p.out_pixels(), k = s.channels, n = s.out_channels, g = s.groups;
        const bool raw = out == type::s32;
        dnnl::primitive_attr attributes;
        if (!raw) {
            attributes.set_output_scales(1 << 1, p.scales);
            dnnl::post_ops relu;
            relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
            if (!zero_points) attributes.set_post_ops(relu);
        }
        if (zero_points) {
            attributes.set_zero_points(DNNL_ARG_SRC, 0, {p.x_zero});
            if (!raw) attributes.set_zero_points(DNNL_ARG_DST, 0, {p.y_zero});
        }
        memory::desc x_desc, w_any, w_plain, b_desc, y_desc;
        if (which == kind::convolution) {
            x_desc = {{p.rows, k, s.height, s.width}, in, tag::nhwc};
            y_desc = {{p.rows, n, s.out_height(), s.out_width()}, out, tag::nhwc};
            const memory::dims dims =
                g > 1 ? memory::dims{g, n / g, k / g, w.kh, w.kw} : memory::dims{n, k, w.kh, w.kw};
            w_any = {dims, type::s8, tag::any};
            // ours is [out, kh, kw, in]
            w_plain = g > 1 ? memory::desc(dims, type::s8,
                                           memory::dims{n / g * w.kh * w.kw * (k / g), w.kh * w.kw * (k / g), 1,
                                                        w.kw * (k / g), k / g})
                            : memory::desc(dims, type::s8, memory::dims{w.kh * w.kw * k, 1, w.kw * k, k});
            b_desc = {{n}, type::f32, tag::a};
            const dnnl::convolution_forward::desc d(dnnl::prop_kind::forward_inference,
                                                    dnnl::algorithm::convolution_direct, x_desc, w_any, b_desc, y_desc,
                                                    {w.sh, w.sw}, {w.pt, w.pl}, {w.pb, w.pr});
            const dnnl::convolution_forward::primitive_desc pd(d, attributes, engine_);
            w_any = pd.weights_desc();
            primitive_ = dnnl::convolution_forward(pd);
        } else if (which == kind::matmul) {
            x_desc = {{m, k}, in, tag::ab};
            y_desc = {{m, n}, out, tag::ab};
            w_any = {{k, n}, type::s8, tag::any};
            w_plain = {{k, n}, type::s8, tag::ba};
            b_desc = {{1, n}, type::f32, tag::ab};
            const auto d =
                raw ? dnnl::matmul::desc(x_desc, w_any, y_desc) : dnnl::matmul::desc(x_desc, w_any, b_desc, y_desc);
            const dnnl::matmul::primitive_desc pd(d, attributes, engine_);
            w_any = pd.weights_desc();
            primitive_ = dnnl::matmul(pd);
        } else {
            x_desc = {{m, k}, in, tag::ab};
            y_desc = {{m, n}, out, tag::ab};
            w_any = {{n, k}, type::s8, tag::any};
            w_plain = {{n, k}, type::s8, tag::ab};
            b_desc = {{n}, type::f32, tag::a};
            const auto d =
                raw ? dnnl::inner_product_forward::desc(dnnl::prop_kind::forward_inference, x_desc, w_any, y_desc)
                    : dnnl::inner_product_forward::desc(dnnl::prop_kind::forward_inference, x_desc, w_any, b_desc,
                                                        y_desc);
            const dnnl::inner_product_forward::primitive_desc pd(d, attributes, engine_);
            w_any = pd.weights_desc();
            primitive_ = dnnl::inner_product_forward(pd);
        }
        bias_.assign(p.bias.begin(), p.bias.end());
        memory x_memory(x_desc, engine_, const_cast<std::uint8_t*>(p.x.data())), y_memory(y_desc, engine_);
        memory w_from(w_plain, engine_, const_cast<std::int8_t*>(p.w.data())), w_memory(w_any, engine_);
        dnnl::reorder(w_from, w_memory).execute(stream_, w_from, w_memory);
        stream_.wait();
        arguments_ = {{DNNL_ARG_SRC, x_memory}, {DNNL_ARG_WEIGHTS, w_memory}, {DNNL_ARG_DST, y_memory}};
        if (!raw) arguments_.insert({DNNL_ARG_BIAS, memory(b_desc, engine_, bias_.data())});
    }

    void operator()() {
        primitive_.execute(stream_, arguments_);
        stream_.wait();
    }
    const void* y() const { return arguments_.at(DNNL_ARG_DST).get_data_handle(); }

private:
    struct window {
        explicit window(const lowbit::window2d& w)
            : kh(w.kernel_height),
              kw(w.kernel_width),
              sh(w.stride_height),
              sw(w.stride_width),
              pt(w.pad_top),
              pb(w.pad_bottom),
              pl(w.pad_left),
              pr(w.pad_right) {}
        dnnl::memory::dim kh, kw, sh, sw, pt, pb, pl, pr;
    };

    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::primitive primitive_;
    std::unordered_map<int, dnnl::memory> arguments_;
    std::vector<float> bias_;
};

/// XNNPACK's convolution with a scale per channel (a linear layer is one of 1x1 pixels); int8 both sides.
class xnnpack {
public:
    explicit xnnpack(const problem& p) : y_(static_cast<std::size_t>(p.outputs()) + 64) {
        require(xnn_initialize(nullptr) == xnn_status_success, "XNNPACK does not start");
        const auto& s = p.shape;
        const auto u32 = [](std::ptrdiff_t x) { return static_cast<std::uint32_t>(x); };
        const auto size = [](std::ptrdiff_t x) { return static_cast<std::size_t>(x); };
        const auto& w = s.window;
        const std::size_t width = size(p.linear ? p.rows : s.width), batch = size(p.linear ? 1 : p.rows);
        auto status = xnn_create_convolution2d_nhwc_qc8(
            u32(w.pad_top), u32(w.pad_right), u32(w.pad_bottom), u32(w.pad_left), u32(w.kernel_height),
            u32(w.kernel_width), u32(w.stride_height), u32(w.stride_width), 1, 1, u32(s.groups),
            size(s.channels / s.groups), size(s.out_channels / s.groups), size(s.channels), size(s.out_channels),
            static_cast<std::int8_t>(p.x_zero), 1.0f, p.scales.data(), p.w.data(), p.bias.data(),
            static_cast<std::int8_t>(p.y_zero), 1.0f, static_cast<std::int8_t>(p.y_zero), 127, 0, &made_);
        if (status == xnn_status_success) {
            status =
                xnn_setup_convolution2d_nhwc_qc8(made_, batch, size(s.height), width,
                                                 reinterpret_cast<const std::int8_t*>(p.x.data()), y_.data(), nullptr);
        }
        require(status == xnn_status_success, "XNNPACK refuses the problem");
    }
    xnnpack(const xnnpack&) = delete;
    ~xnnpack() { xnn_delete_operator(made_); }

    void operator()() { xnn_run_operator(made_, nullptr); }
    const std::int8_t* y() const { return y_.data(); }

private:
    xnn_operator_t made_ = nullptr;
    lowbit::aligned_vector<std::int8_t> y_;
};

/// gemmlowp's product of uint8 codes with fixed-point requantization per channel (its own translation unit: it wants
/// AVX2 switched on).
class gemmlowp_product {
public:
    explicit gemmlowp_product(const problem& p);
    ~gemmlowp_product();
    void operator()();
    const std::uint8_t* y() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// At most one code apart wherever both are inside their range, and how many of a thousand are.
template <class A, class B>
void require_close(const std::vector<A>& ours, const B* theirs, int lowest, int highest, const std::string& who) {
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const int a = std::clamp(int(ours[i]), lowest, highest), b = std::clamp(int(theirs[i]), lowest, highest);
        require(std::abs(a - b) <= 1, who + " differs by more than one code: " + std::to_string(a) + " and " +
                                          std::to_string(b) + " at " + std::to_string(i));
    }
}

}  // namespace peers
