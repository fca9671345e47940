// SPDX-License-Identifier: Apache-2.0
// What kernels/isa/gemm.hpp declares. Included where the header needs it, or in the one unit of compiled kernels.

#include <lowbit/kernels/isa/gemm_avx2.hpp>
#include <lowbit/kernels/isa/gemm_avx512.hpp>
#include <lowbit/kernels/isa/gemm_avx512_vnni.hpp>
#include <lowbit/kernels/isa/gemm_avx_vnni.hpp>

namespace lowbit::detail {

LOWBIT_COMPILED_INLINE gemm_tile_function gemm_tile_for(isa set, bool wide, int kind) {
#if defined(__x86_64__)
    switch (set) {
        case isa::avx2:
            return kind == 0 ? isa_avx2::gemm_tile_up_to<2, 6> : isa_avx2::gemm_tile_up_to<1, 6>;
        case isa::avx_vnni:
            return kind == 0 ? isa_avx_vnni::gemm_tile_up_to<2, 6> : isa_avx_vnni::gemm_tile_up_to<1, 6>;
        case isa::avx512:
            return kind == 0   ? isa_avx512::gemm_tile_up_to<4, 6>
                   : kind == 1 ? isa_avx512::gemm_tile_up_to<2, 12>
                               : isa_avx512::gemm_tile_up_to<1, 12>;
        case isa::avx512_vnni:
            return kind == 0   ? isa_avx512_vnni::gemm_tile_up_to<4, 7>
                   : kind == 1 ? isa_avx512_vnni::gemm_tile_up_to<2, 12>
                               : isa_avx512_vnni::gemm_tile_up_to<1, 12>;
        default:
            break;
    }
#endif
    return wide ? portable_tile<std::int64_t> : portable_tile<std::int32_t>;
}

LOWBIT_COMPILED_INLINE depthwise_function depthwise_lines_for(isa set) {
#if defined(__x86_64__)
    switch (set) {
        case isa::avx2:
            return isa_avx2::run_depthwise_lines;
        case isa::avx_vnni:
            return isa_avx_vnni::run_depthwise_lines;
        case isa::avx512:
            return isa_avx512::run_depthwise_lines;
        case isa::avx512_vnni:
            return isa_avx512_vnni::run_depthwise_lines;
        default:
            break;
    }
#endif
    (void)set;
    return nullptr;
}

LOWBIT_COMPILED_INLINE std::ptrdiff_t add_blocks_for(isa set, const elementwise_task& task,
                                                     const common_shift& common) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512)) return isa_avx512::add_blocks(task, common);
    if (includes(set, isa::avx2)) return isa_avx2::add_blocks(task, common);
#endif
    return (void)set, (void)task, (void)common, 0;
}

LOWBIT_COMPILED_INLINE std::ptrdiff_t rescale_blocks_for(isa set, const elementwise_task& task, multiplier factor,
                                                         bool product) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512))
        return product ? isa_avx512::rescale_blocks<true>(task, factor)
                       : isa_avx512::rescale_blocks<false>(task, factor);
    if (includes(set, isa::avx2))
        return product ? isa_avx2::rescale_blocks<true>(task, factor) : isa_avx2::rescale_blocks<false>(task, factor);
#endif
    return (void)set, (void)task, (void)factor, (void)product, 0;
}

LOWBIT_COMPILED_INLINE std::ptrdiff_t table_blocks_for(isa set, std::ptrdiff_t n, const std::uint8_t* x,
                                                       const std::uint8_t* table, std::uint8_t* y) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512))
        return __builtin_cpu_supports("avx512vbmi") ? isa_avx512::table_blocks_vbmi(n, x, table, y)
                                                    : isa_avx512::table_blocks(n, x, table, y);
    if (includes(set, isa::avx2)) return isa_avx2::table_blocks(n, x, table, y);
#endif
    return (void)set, (void)n, (void)x, (void)table, (void)y, 0;
}

#if defined(__x86_64__)
// Channels in panels of Width; where all channels share everything, rows of Width values instead.
template <int Width, class Panel>
void requantize_in_panels(Panel panel, isa set, std::ptrdiff_t rows, std::ptrdiff_t channels, const std::int32_t* acc,
                          const output_stage& stage, std::uint8_t* y, code_type out) {
    gemm_header h;
    h.set = set;
    h.output = out;
    h.rounding = stage.rounding;
    const integer_layer layer{.output_type = out, .output = stage};
    const std::int64_t start[Width] = {};
    panel_constants<Width> constants;
    const bool shared = stage.multipliers.size() <= 1 && stage.clamp.size() <= 1;
    h.simple = is_simple(stage, out, shared ? 1 : channels);
    const std::ptrdiff_t all = shared ? rows * channels : channels;
    for (std::ptrdiff_t first = 0; first < all;) {
        const int columns = static_cast<int>(all - first < Width ? all - first : Width);
        pack_constants<Width>(h, layer, shared ? 0 : first, columns, start, false, constants);
        const std::ptrdiff_t together = shared ? (all - first) / columns : rows;
        const std::ptrdiff_t stride = shared ? columns : channels;
        panel(constants, h, together, acc + first, y + first, stride, columns);
        first += shared ? together * columns : columns;
    }
}
#endif

LOWBIT_COMPILED_INLINE bool requantize_for(isa set, std::ptrdiff_t rows, std::ptrdiff_t channels,
                                           const std::int32_t* acc, const output_stage& stage, std::uint8_t* y,
                                           code_type out) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512))
        return requantize_in_panels<64>(isa_avx512::requantize_panel, set, rows, channels, acc, stage, y, out), true;
    if (includes(set, isa::avx2))
        return requantize_in_panels<32>(isa_avx2::requantize_panel, set, rows, channels, acc, stage, y, out), true;
#endif
    return (void)set, (void)rows, (void)channels, (void)acc, (void)stage, (void)y, (void)out, false;
}

LOWBIT_COMPILED_INLINE bool max_window_for(isa set, const pool_task& task) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512)) return isa_avx512::max_window(task), true;
    if (includes(set, isa::avx2)) return isa_avx2::max_window(task), true;
#endif
    return (void)set, (void)task, false;
}

LOWBIT_COMPILED_INLINE std::ptrdiff_t mean_window_for(isa set, const pool_task& task) {
#if defined(__x86_64__)
    if (includes(set, isa::avx512)) return isa_avx512::mean_window(task);
    if (includes(set, isa::avx2)) return isa_avx2::mean_window(task);
#endif
    return (void)set, (void)task, 0;
}

LOWBIT_COMPILED_INLINE widen_function widen_for(isa set) {
#if defined(__x86_64__)
    if (set == isa::avx2) return isa_avx2::widen_bytes;
    if (set == isa::avx512) return isa_avx512::widen_bytes;
#endif
    return portable_widen;
}

}  // namespace lowbit::detail
