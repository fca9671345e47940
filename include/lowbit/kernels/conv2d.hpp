// SPDX-License-Identifier: Apache-2.0
/// @file
/// Convolution of 8-bit codes with integers only, NHWC and OHWI, by implicit GEMM: stride, padding on each side,
/// dilation, groups, zero points on both sides. reference::conv2d is normative.
///
/// Weights are packed once, into memory of the caller's, for one instruction set; a run then allocates nothing.
#pragma once

#include <lowbit/kernels/gemm_run.hpp>

namespace lowbit {

/// Packed weights of a convolution: a pointer into memory that the caller keeps.
class packed_conv2d {
public:
    packed_conv2d() = default;
    /// Over memory that `pack_conv2d` has filled.
    explicit packed_conv2d(const void* memory) : header_(static_cast<const detail::gemm_header*>(memory)) {}

    const conv2d_shape& shape() const { return header_->shape; }
    /// The instruction set they are packed for; scalar where sums need 64 bits.
    isa kernel() const { return header_->set; }
    const detail::gemm_header& header() const { return *header_; }

private:
    const detail::gemm_header* header_ = nullptr;
};

namespace detail {

inline pack_status check_conv2d(const conv2d_shape& shape, const integer_layer& layer) {
    return valid(shape) ? check_layer(layer, shape.out_channels) : pack_status{pack_error::shape};
}

}  // namespace detail

/// Bytes that `pack_conv2d` needs; 0 where the layer cannot be packed.
inline std::size_t packed_conv2d_bytes(const conv2d_shape& shape, const integer_layer& layer, isa set = active_isa()) {
    if (!detail::check_conv2d(shape, layer)) return 0;
    return static_cast<std::size_t>(detail::plan_gemm(shape, layer, set).bytes);
}

/// Packs for an instruction set, as `pack_linear` does.
inline pack_status pack_conv2d(const conv2d_shape& shape, const integer_layer& layer, void* memory,
                               isa set = active_isa()) {
    if (const pack_status status = detail::check_conv2d(shape, layer); !status) return status;
    if (memory == nullptr || reinterpret_cast<std::uintptr_t>(memory) % 64 != 0) return {pack_error::memory};
    detail::pack_gemm(detail::plan_gemm(shape, layer, set), layer, memory);
    return {};
}

/// Bytes of workspace that `conv2d` needs for a batch; may be 0.
inline std::size_t conv2d_workspace_bytes(const packed_conv2d& packed, std::ptrdiff_t batch) {
    return detail::gemm_workspace(packed.header(), batch).bytes();
}

/// y[batch, out_height, out_width, out_channels] from x[batch, height, width, channels]; types, workspace and result
/// as for `linear`.
template <class X, class Y>
bool conv2d(const packed_conv2d& packed, std::ptrdiff_t batch, const X* x, Y* y, void* workspace = nullptr,
            const executor& threads = {}) {
    LOWBIT_ASSERT(packed.header().input == code_type_of<X> && packed.header().output == code_type_of<Y>);
    return detail::run_packed(packed.header(), batch, x, y, workspace, threads);
}

}  // namespace lowbit
