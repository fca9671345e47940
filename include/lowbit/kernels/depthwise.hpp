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
    explicit packed_depthwise(const void* memory) : header_(static_cast<const detail::depthwise_header*>(memory)) {}

    depthwise_shape shape() const { return header_->shape(); }
    /// The instruction set they are packed for; scalar where sums need 64 bits.
    isa kernel() const { return header_->common.set; }
    const detail::depthwise_header& header() const { return *header_; }

private:
    const detail::depthwise_header* header_ = nullptr;
};

namespace detail {

inline pack_status check_depthwise(const depthwise_shape& shape, const integer_layer& layer) {
    return valid(shape) ? check_layer(layer, shape.out_channels()) : pack_status{pack_error::shape};
}

/// Where the workspace's parts are: the image with multiplied channels, the interleaved lines of each task.
struct depthwise_workspace {
    static constexpr std::ptrdiff_t most_tasks = 16;
    std::ptrdiff_t image = 0, lines = 0;  ///< bytes of all images; of the lines of one task

    depthwise_workspace(const depthwise_header& h, std::ptrdiff_t batch) {
        const conv2d_shape& s = h.common.shape;
        if (s.out_channels != s.channels) image = align64(batch * s.height * s.width * s.out_channels);
        lines = align64(h.line_bytes());
    }
};

/// The lines of a batch, up to four at a time, each by blocks of channels.
inline bool run_depthwise(const depthwise_header& h, std::ptrdiff_t batch, const void* x, void* y, void* workspace,
                          const executor& threads) {
    if (h.grouped) {
        const auto& grouped = *reinterpret_cast<const gemm_header*>(h.base() + h.first_block);
        return run_packed(grouped, batch, x, y, workspace, threads);
    }
    if (!includes(active_isa(), h.common.set)) return false;
    const conv2d_shape& s = h.common.shape;
    const depthwise_workspace sizes(h, batch);
    const auto* image = static_cast<const std::uint8_t*>(x);
    auto* const space = static_cast<std::uint8_t*>(workspace);
    if (sizes.image > 0) {
        const std::ptrdiff_t multiplier = s.out_channels / s.channels, line = s.width * s.channels;
        threads.parallel_for(batch * s.height, [&](std::ptrdiff_t row) {
            const std::uint8_t* from = image + row * line;
            std::uint8_t* to = space + row * line * multiplier;
            for (std::ptrdiff_t i = 0; i < line; ++i, to += multiplier)
                std::memset(to, from[i], static_cast<std::size_t>(multiplier));
        });
        image = space;
    }
    const std::ptrdiff_t width = depthwise_width(h.common.set), out_height = s.out_height();
    // Bands of lines, a multiple of four: as many as keep their part of the image in L2, so that the weights of a block
    // of channels serve long; fewer where threads want work.
    const std::ptrdiff_t line_bytes = s.window.stride_height * s.width * s.out_channels;
    const std::ptrdiff_t cached = (std::ptrdiff_t{1} << 18) / line_bytes,
                         share = batch * out_height / threads.concurrency() / 4;
    const std::ptrdiff_t lines = threads.concurrency() > 1 ? std::min(cached, share) : cached;
    const std::ptrdiff_t band = std::max<std::ptrdiff_t>(lines / 4 * 4, 4);
    const std::ptrdiff_t bands = (out_height + band - 1) / band, all = batch * bands;
    const std::ptrdiff_t y_line = s.out_width() * s.out_channels, value = bytes_of(h.common.output);
    const std::ptrdiff_t tasks = threads.concurrency() > 1 ? std::min(all, depthwise_workspace::most_tasks) : 1;
    const depthwise_function run_lines = depthwise_lines_for(h.common.set);
    threads.parallel_for(tasks, [&](std::ptrdiff_t task) {
        depthwise_lines work{.header = &h, .quads = space + sizes.image + task * sizes.lines};
        for (std::ptrdiff_t i = all * task / tasks; i < all * (task + 1) / tasks; ++i) {
            const std::ptrdiff_t n = i / bands, top = i % bands * band;
            const std::ptrdiff_t bottom = std::min(top + band, out_height);
            for (std::ptrdiff_t block = 0; block < h.blocks; ++block) {
                const std::ptrdiff_t first = block * width;
                work.block = h.base() + h.first_block + block * h.block_bytes;
                work.image = image + n * s.height * s.width * s.out_channels + first;
                work.channels = static_cast<int>(std::min(s.out_channels - first, width));
                work.halves = work.channels <= width / 2;
                const std::ptrdiff_t at_once = (work.halves ? 2 : 1) * (h.paired ? 2 : 1);
                for (work.oy = top; work.oy < bottom; work.oy += at_once) {
                    for (std::ptrdiff_t k = 0; k < 4; ++k) {
                        const std::ptrdiff_t oy = work.oy + k;
                        work.y[k] = oy < bottom ? static_cast<std::uint8_t*>(y) +
                                                      ((n * out_height + oy) * y_line + first) * value
                                                : nullptr;
                    }
                    run_lines(work);
                }
            }
        }
    });
    return true;
}

}  // namespace detail

/// Bytes that `pack_depthwise` needs; 0 where the layer cannot be packed.
inline std::size_t packed_depthwise_bytes(const depthwise_shape& shape, const integer_layer& layer,
                                          isa set = active_isa()) {
    if (!detail::check_depthwise(shape, layer)) return 0;
    return static_cast<std::size_t>(detail::plan_depthwise(shape, layer, set).bytes);
}

/// Packs for an instruction set, as `pack_linear` does.
inline pack_status pack_depthwise(const depthwise_shape& shape, const integer_layer& layer, void* memory,
                                  isa set = active_isa()) {
    if (const pack_status status = detail::check_depthwise(shape, layer); !status) return status;
    if (memory == nullptr || reinterpret_cast<std::uintptr_t>(memory) % 64 != 0) return {pack_error::memory};
    detail::pack_depthwise_layer(detail::plan_depthwise(shape, layer, set), layer, memory);
    return {};
}

/// Bytes of workspace that `depthwise` needs for a batch.
inline std::size_t depthwise_workspace_bytes(const packed_depthwise& packed, std::ptrdiff_t batch) {
    const detail::depthwise_header& h = packed.header();
    if (h.grouped) {
        return detail::gemm_workspace(h.common, batch).bytes();
    }
    const detail::depthwise_workspace sizes(h, batch);
    return static_cast<std::size_t>(sizes.image + detail::depthwise_workspace::most_tasks * sizes.lines);
}

/// y[batch, out_height, out_width, channels·multiplier] from x[batch, height, width, channels]; types, workspace and
/// result as for `linear`.
template <class X, class Y>
bool depthwise(const packed_depthwise& packed, std::ptrdiff_t batch, const X* x, Y* y, void* workspace = nullptr,
               const executor& threads = {}) {
    LOWBIT_ASSERT(packed.header().common.input == code_type_of<X> && packed.header().common.output == code_type_of<Y>);
    return detail::run_depthwise(packed.header(), batch, x, y, workspace, threads);
}

}  // namespace lowbit
