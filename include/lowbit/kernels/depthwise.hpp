// SPDX-License-Identifier: Apache-2.0
/// @file
/// Depthwise convolution of 8-bit codes with integers only, NHWC, weights [channels·multiplier, kernel_height,
/// kernel_width]: each channel by itself. reference::depthwise is normative.
#pragma once

#include <lowbit/kernels/gemm_run.hpp>

namespace lowbit {

/// Packed weights of a depthwise convolution: a pointer into memory that the caller keeps.
class packed_depthwise {
public:
    packed_depthwise() = default;
    /// Over memory that `pack_depthwise` has filled.
    explicit packed_depthwise(const void* memory) : header_(static_cast<const detail::gemm_header*>(memory)) {}

    depthwise_shape shape() const {
        const conv2d_shape& s = header_->shape;
        return {s.height, s.width, s.channels, s.window, s.out_channels / s.channels};
    }
    /// The instruction set they are packed for; scalar where sums need 64 bits.
    isa kernel() const { return header_->set; }
    const detail::gemm_header& header() const { return *header_; }

private:
    const detail::gemm_header* header_ = nullptr;
};

namespace detail {

inline pack_status check_depthwise(const depthwise_shape& shape, const integer_layer& layer) {
    return valid(shape) ? check_layer(layer, shape.out_channels()) : pack_status{pack_error::shape};
}

}  // namespace detail

/// Bytes that `pack_depthwise` needs; 0 where the layer cannot be packed.
inline std::size_t packed_depthwise_bytes(const depthwise_shape& shape, const integer_layer& layer,
                                          isa set = active_isa()) {
    if (!detail::check_depthwise(shape, layer)) return 0;
    return static_cast<std::size_t>(detail::plan_gemm(shape.as_conv2d(), layer, set).bytes);
}

/// Packs for an instruction set, as `pack_linear` does.
inline pack_status pack_depthwise(const depthwise_shape& shape, const integer_layer& layer, void* memory,
                                  isa set = active_isa()) {
    if (const pack_status status = detail::check_depthwise(shape, layer); !status) return status;
    if (memory == nullptr || reinterpret_cast<std::uintptr_t>(memory) % 64 != 0) return {pack_error::memory};
    detail::pack_gemm(detail::plan_gemm(shape.as_conv2d(), layer, set), layer, memory);
    return {};
}

/// Bytes of workspace that `conv2d` needs for a batch; may be 0.
inline std::size_t depthwise_workspace_bytes(const packed_depthwise& packed, std::ptrdiff_t batch) {
    const detail::gemm_workspace sizes(packed.header(), batch);
    return static_cast<std::size_t>(sizes.widened + sizes.taps);
}

/// y[batch, out_height, out_width, channels·multiplier] from x[batch, height, width, channels]; types, workspace and
/// result as for `linear`.
template <class X, class Y>
bool depthwise(const packed_depthwise& packed, std::ptrdiff_t batch, const X* x, Y* y, void* workspace = nullptr,
               const executor& threads = {}) {
    LOWBIT_ASSERT(packed.header().input == code_type_of<X> && packed.header().output == code_type_of<Y>);
    return detail::run_packed(packed.header(), batch, x, y, workspace, threads);
}

}  // namespace lowbit
