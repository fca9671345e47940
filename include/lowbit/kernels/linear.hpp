// SPDX-License-Identifier: Apache-2.0
/// @file
/// Linear layers and matrix products of 8-bit codes with integers only:
///
///     y[row, c] = stage(Σ_k (x[row, k] − Z_x)(w[c, k] − Z_w[c]) + b[c])
///
/// Weights are packed once, into memory of the caller's, for one instruction set; a run then allocates nothing. Outputs
/// are int8 or uint8 (fixed-point requantization), int32 (the raw product: all else left at its default) or float.
/// Bits do not depend on the instruction set, nor on the number of threads: reference::linear is normative.
#pragma once

#include <lowbit/kernels/gemm_run.hpp>

namespace lowbit {

/// Packed weights of a linear layer: a pointer into memory that the caller keeps. Copying copies the pointer. The
/// memory may be moved as a whole to any address aligned to 64 bytes.
class packed_linear {
public:
    packed_linear() = default;
    /// Over memory that `pack_linear` has filled.
    explicit packed_linear(const void* memory) : header_(static_cast<const detail::gemm_header*>(memory)) {}

    linear_shape shape() const { return {header_->shape.channels, header_->shape.out_channels}; }
    /// The instruction set they are packed for; scalar where sums need 64 bits.
    isa kernel() const { return header_->set; }
    const detail::gemm_header& header() const { return *header_; }

private:
    const detail::gemm_header* header_ = nullptr;
};

namespace detail {

inline conv2d_shape linear_as_conv2d(const linear_shape& shape) { return {1, 1, shape.in, shape.out, {}, 1}; }

inline pack_status check_linear(const linear_shape& shape, const integer_layer& layer) {
    return valid(shape) ? check_layer(layer, shape.out) : pack_status{pack_error::shape};
}

}  // namespace detail

/// Bytes that `pack_linear` needs; 0 where the layer cannot be packed. O(out·in): the safe depth is checked.
inline std::size_t packed_linear_bytes(const linear_shape& shape, const integer_layer& layer, isa set = active_isa()) {
    if (!detail::check_linear(shape, layer)) return 0;
    return static_cast<std::size_t>(detail::plan_gemm(detail::linear_as_conv2d(shape), layer, set).bytes);
}

/// Packs for an instruction set. Sums that may leave int32 (Σ|w − Z_w|·max|x − Z_x| + |b| ≥ 2^31 in some channel) get
/// 64-bit accumulators. Memory: `packed_linear_bytes`, aligned to 64 bytes; `packed_linear(memory)` then is the result.
/// Errors: as the status says; nothing was written then. O(out·in).
inline pack_status pack_linear(const linear_shape& shape, const integer_layer& layer, void* memory,
                               isa set = active_isa()) {
    if (const pack_status status = detail::check_linear(shape, layer); !status) return status;
    if (memory == nullptr || reinterpret_cast<std::uintptr_t>(memory) % 64 != 0) return {pack_error::memory};
    detail::pack_gemm(detail::plan_gemm(detail::linear_as_conv2d(shape), layer, set), layer, memory);
    return {};
}

/// Bytes of workspace that `linear` needs for `rows` rows; may be 0 (it is for the VNNI instruction sets).
inline std::size_t linear_workspace_bytes(const packed_linear& packed, std::ptrdiff_t rows) {
    return detail::gemm_workspace(packed.header(), rows).bytes();
}

/// y[rows, out] from x[rows, in]. X and Y are the types that the weights were packed for; workspace is aligned to 64
/// bytes (null where none is needed). O(rows·out·in).
/// Returns false, with nothing done, where the weights are packed for an instruction set that is not in use
/// (after `set_isa`: pack again).
template <class X, class Y>
bool linear(const packed_linear& packed, std::ptrdiff_t rows, const X* x, Y* y, void* workspace = nullptr,
            const executor& threads = {}) {
    LOWBIT_ASSERT(packed.header().input == code_type_of<X> && packed.header().output == code_type_of<Y>);
    return detail::run_packed(packed.header(), rows, x, y, workspace, threads);
}

}  // namespace lowbit
