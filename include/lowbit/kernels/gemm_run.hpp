// SPDX-License-Identifier: Apache-2.0
/// @file
/// The loops around the micro-kernels: which rows of x meet which panel of weights, and on which thread. Internal to
/// kernels/linear.hpp and conv2d.hpp.
///
/// A convolution is a matrix product whose rows are output pixels: a tile is a few neighbours of one output line, and
/// each tap of the window contributes a segment of x at a fixed distance from row to row, read where it is (implicit
/// GEMM: nothing is copied but the segments that cross the border of the image).
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/kernels/gemm_tile.hpp>
#include <lowbit/kernels/isa/gemm.hpp>

#include <algorithm>

namespace lowbit::detail {

/// A run: packed weights, memory, and how the output pixels fall into tiles.
struct gemm_run {
    const gemm_header* header = nullptr;
    const std::uint8_t *x = nullptr, *x_end = nullptr;  ///< as the kernel sees it: bytes, or widened
    std::uint8_t* y = nullptr;
    std::ptrdiff_t lines = 0, line_rows = 0;  ///< output lines, and pixels of each
    bool direct = false;                      ///< 1x1, stride 1, no padding: the rows of x are those of y
    gemm_tap* taps = nullptr;                 ///< room for `tap_slots` taps per task
};

inline constexpr int tap_slots_on_stack = 64;

/// How many taps a tile of these weights can need: each tap of the window, and one more for a split end.
inline std::ptrdiff_t tap_slots(const gemm_header& h) { return h.taps() + 4; }

/// Builds the taps of one tile; owns the bytes of segments that had to be copied.
class tap_builder {
public:
    tap_builder(const gemm_run& run, gemm_tap* taps) : run_(run), h_(*run.header), taps_(taps) {}

    /// The rows [first, first + rows) of a matrix.
    std::ptrdiff_t direct(std::ptrdiff_t group, std::ptrdiff_t first, int rows) {
        begin(h_.shape.channels * h_.element, rows);
        const std::uint8_t* x = run_.x + first * stride_ + group * h_.segment;
        push({.x = x, .steps = h_.steps, .bytes = h_.segment, .first = 0, .last = rows});
        return count_;
    }

    /// The output pixels [first, first + rows) of an output line.
    std::ptrdiff_t line(std::ptrdiff_t group, std::ptrdiff_t line, std::ptrdiff_t first, int rows) {
        const conv2d_shape& s = h_.shape;
        const window2d& w = s.window;
        const std::ptrdiff_t pixel = s.channels * h_.element;
        begin(w.stride_width * pixel, rows);
        const std::ptrdiff_t image = line / s.out_height(), oy = line % s.out_height();
        const std::uint8_t* x = run_.x + image * s.height * s.width * pixel + group * s.group_channels() * h_.element;
        const std::ptrdiff_t left = first * w.stride_width - w.pad_left;  // column of the first row's first tap
        for (std::ptrdiff_t ky = 0; ky < h_.tap_rows; ++ky) {
            const std::ptrdiff_t iy = oy * w.stride_height + ky * w.dilation_height - w.pad_top;
            if (iy < 0 || iy >= s.height) {
                if (h_.has_skips) push_skip(ky * h_.tap_columns, h_.tap_columns);
                continue;
            }
            const std::uint8_t* in_line = x + iy * s.width * pixel;
            if (h_.joined) {
                push_joined(in_line, left, ky);
                continue;
            }
            for (std::ptrdiff_t kx = 0; kx < h_.tap_columns; ++kx) {
                push_column(in_line, left + kx * w.dilation_width, ky * h_.tap_columns + kx);
            }
        }
        return count_;
    }

private:
    void begin(std::ptrdiff_t stride, int rows) {
        stride_ = stride;
        rows_ = rows;
        count_ = 0;
        copied_ = scratch_;
    }

    void push_skip(std::ptrdiff_t tap, std::ptrdiff_t count) { taps_[count_++] = {.skipped = tap, .skips = count}; }

    /// A tap at column `ix` of the first row: rows beside the image are left out.
    void push_column(const std::uint8_t* in_line, std::ptrdiff_t ix, std::ptrdiff_t tap) {
        const conv2d_shape& s = h_.shape;
        const std::ptrdiff_t step = s.window.stride_width, end = s.width;
        int first = 0, last = rows_;
        if (ix < 0 || ix + (rows_ - 1) * step >= end) {
            if (ix < 0) first = static_cast<int>(std::min<std::ptrdiff_t>(ceil_div(-ix, step), rows_));
            last = ix >= end ? 0 : static_cast<int>(std::min<std::ptrdiff_t>((end - 1 - ix) / step + 1, rows_));
            if (first >= last) {
                if (h_.has_skips) push_skip(tap, 1);
                return;
            }
        }
        // The address of a row that is not in the image is computed, never read.
        const auto address =
            reinterpret_cast<std::uintptr_t>(in_line) + static_cast<std::uintptr_t>(ix * s.channels * h_.element);
        push({.x = reinterpret_cast<const std::uint8_t*>(address),
              .steps = h_.steps,
              .bytes = h_.segment,
              .step = tap * h_.steps,
              .skipped = tap,
              .skips = h_.has_skips ? 1 : 0,
              .first = first,
              .last = last});
    }

    /// A whole line of taps; copied, with Z_x for what is missing, where some row sees the border.
    void push_joined(const std::uint8_t* in_line, std::ptrdiff_t ix, std::ptrdiff_t tap) {
        const conv2d_shape& s = h_.shape;
        const std::ptrdiff_t pixel = s.channels * h_.element, step = s.window.stride_width;
        const std::ptrdiff_t wide = s.window.kernel_width;
        gemm_tap entry{.x = in_line + ix * pixel,
                       .steps = h_.steps,
                       .bytes = h_.segment,
                       .step = tap * h_.steps,
                       .first = 0,
                       .last = rows_};
        const bool inside = ix >= 0 && ix + (rows_ - 1) * step + wide <= s.width;
        if (!inside || entry.x + (rows_ - 1) * stride_ + h_.steps * 4 > run_.x_end) {
            std::uint8_t* to = copied_;
            for (int row = 0; row < rows_; ++row, ix += step, to += h_.steps * 4) {
                const std::ptrdiff_t from = std::clamp<std::ptrdiff_t>(-ix, 0, wide);
                const std::ptrdiff_t until = std::clamp<std::ptrdiff_t>(s.width - ix, from, wide);
                std::memcpy(to, h_.base() + h_.zero_row, static_cast<std::size_t>(h_.segment));
                if (until > from) {
                    std::memcpy(to + from * pixel, in_line + (ix + from) * pixel,
                                static_cast<std::size_t>((until - from) * pixel));
                }
            }
            entry.x = copied_;
            const std::ptrdiff_t stride = stride_;
            stride_ = h_.steps * 4;
            copied_ = to;
            append(entry);
            stride_ = stride;
            return;
        }
        append(entry);
    }

    /// Appends, with the last step taken from a copy where reading all of it would pass the end of x.
    void push(gemm_tap tap) {
        const std::ptrdiff_t whole = tap.bytes / 4, rest = tap.bytes % 4;
        if (rest == 0 || tap.x + (tap.last - 1) * stride_ + tap.steps * 4 <= run_.x_end) return append(tap);
        gemm_tap end = tap;
        tap.steps = whole;
        tap.bytes = whole * 4;
        if (whole > 0) append(tap);
        end.step += whole;
        end.steps = 1;
        end.bytes = rest;
        if (whole > 0) end.skips = 0;
        std::memset(copied_, 0, static_cast<std::size_t>(4 * rows_));
        for (int row = end.first; row < end.last; ++row)
            std::memcpy(copied_ + 4 * row, tap.x + row * stride_ + whole * 4, static_cast<std::size_t>(rest));
        end.x = copied_;
        copied_ += 4 * rows_;
        const std::ptrdiff_t stride = stride_;
        stride_ = 4;
        append(end);
        stride_ = stride;
    }

    /// Appends, or lengthens the one before where both its x and its weights go on here.
    void append(gemm_tap tap) {
        tap.stride = stride_;
        if (count_ > 0) {
            gemm_tap& before = taps_[count_ - 1];
            const bool whole = tap.first == 0 && tap.last == rows_ && before.first == 0 && before.last == rows_;
            if (whole && before.stride == tap.stride && before.x + before.bytes == tap.x &&
                before.bytes == before.steps * 4 && before.step + before.steps == tap.step) {
                before.steps += tap.steps;
                before.bytes += tap.bytes;
                return;
            }
        }
        taps_[count_++] = tap;
    }

    const gemm_run& run_;
    const gemm_header& h_;
    gemm_tap* taps_;
    std::ptrdiff_t stride_ = 0, count_ = 0;
    int rows_ = 0;
    std::uint8_t* copied_ = nullptr;
    std::uint8_t scratch_[16 * max_tile_rows * 68];  // 16 lines of joined taps, or a few split ends
};

/// Where a panel of packed weights is: the index counts the panels of one group.
struct panel_place {
    std::ptrdiff_t offset = 0, channel = 0;  ///< from the group's first
    int width = 0;

    panel_place(const gemm_header& h, std::ptrdiff_t group_out, std::ptrdiff_t index) {
        const int widest = geometry_of(h.set).widths[0];
        const std::ptrdiff_t full = std::min(index, group_out / widest);
        offset = full * h.panel_bytes(widest);
        channel = full * widest;
        width = h.panel_width(group_out - channel);
        for (std::ptrdiff_t i = full; i < index; ++i) {
            offset += h.panel_bytes(width);
            channel += width;
            width = h.panel_width(group_out - channel);
        }
    }
};

inline std::ptrdiff_t panels_of(const gemm_header& h, std::ptrdiff_t group_out) {
    std::ptrdiff_t panels = group_out / geometry_of(h.set).widths[0];
    for (std::ptrdiff_t left = group_out % geometry_of(h.set).widths[0]; left > 0; left -= h.panel_width(left))
        ++panels;
    return panels;
}

/// Into how many blocks the panels (`across`) and the tiles of each (`down`) are cut: enough for all threads, first
/// along the panels, whose weights then stay in one core's cache. The cut changes no bit of the result.
struct gemm_blocks {
    std::ptrdiff_t across = 1, down = 1;

    gemm_blocks(std::ptrdiff_t panels, int concurrency, bool taps_in_workspace) {
        if (concurrency <= 1) return;
        const std::ptrdiff_t wanted = taps_in_workspace ? std::min(8, 4 * concurrency) : 4 * concurrency;
        across = std::min(panels, wanted);
        down = ceil_div(wanted, across);
    }
};
inline constexpr std::ptrdiff_t most_blocks_with_taps = 16;

/// A line of rows in tiles of nearly equal height: the first `longer` have one row more than the others.
struct line_tiles {
    std::ptrdiff_t count, base, longer;

    line_tiles(std::ptrdiff_t rows, int most)
        : count(ceil_div<std::ptrdiff_t>(rows, most)), base(rows / count), longer(rows % count) {}
    std::ptrdiff_t first_row(std::ptrdiff_t tile) const { return tile * base + std::min(tile, longer); }
    int rows(std::ptrdiff_t tile) const { return static_cast<int>(base + (tile < longer ? 1 : 0)); }
};

inline void run_gemm(const gemm_run& run, const executor& threads) {
    const gemm_header& h = *run.header;
    const gemm_geometry geometry = geometry_of(h.set);
    const std::ptrdiff_t group_out = h.shape.out_channels / h.shape.groups;
    const std::ptrdiff_t group_panels = panels_of(h, group_out), panels = group_panels * h.shape.groups;
    if (panels == 0 || run.lines == 0 || run.line_rows == 0) return;
    const gemm_blocks blocks(panels, threads.concurrency(), run.taps != nullptr);
    const std::ptrdiff_t y_pixel = h.shape.out_channels * bytes_of(h.output);

    threads.parallel_for(blocks.across * blocks.down, [&](std::ptrdiff_t block) {
        const std::ptrdiff_t column = block % blocks.across, band = block / blocks.across;
        // Bytes, as an array of taps would be initialized at each call.
        alignas(gemm_tap) std::byte on_stack[tap_slots_on_stack * sizeof(gemm_tap)];
        gemm_tap* const taps = run.taps ? run.taps + block * tap_slots(h) : reinterpret_cast<gemm_tap*>(on_stack);
        tap_builder builder(run, taps);
        gemm_tile tile{.header = &h, .taps = taps, .y_stride = y_pixel};
        for (std::ptrdiff_t panel = panels * column / blocks.across; panel < panels * (column + 1) / blocks.across;
             ++panel) {
            const std::ptrdiff_t group = h.shape.groups == 1 ? 0 : panel / group_panels;
            const panel_place place(h, group_out, panel - group * group_panels);
            const int kind = place.width == geometry.widths[0] ? 0 : place.width == geometry.widths[1] ? 1 : 2;
            const gemm_tile_function multiply = gemm_tile_for(h.set, h.wide, kind);
            tile.panel = h.base() + h.panels + group * h.group_bytes + place.offset;
            tile.columns = static_cast<int>(std::min<std::ptrdiff_t>(group_out - place.channel, place.width));
            std::uint8_t* const y = run.y + (group * group_out + place.channel) * bytes_of(h.output);

            const line_tiles cut(run.line_rows, geometry.rows[kind]);
            const std::ptrdiff_t tiles = run.lines * cut.count;
            const std::ptrdiff_t until = tiles * (band + 1) / blocks.down;
            // The tiles [inner_from, inner_until) of each line see no border to the left or right.
            const window2d& w = h.shape.window;
            std::ptrdiff_t inner_from = 0, inner_until = cut.count;
            if (!run.direct) {
                const std::ptrdiff_t reach = w.span_width() - w.pad_left;
                while (inner_from < cut.count && cut.first_row(inner_from) * w.stride_width < w.pad_left) ++inner_from;
                while (inner_until > inner_from &&
                       (cut.first_row(inner_until) - 1) * w.stride_width + reach > h.shape.width)
                    --inner_until;
            }
            const bool reads_past = h.segment % 4 != 0;
            for (std::ptrdiff_t t = tiles * band / blocks.down; t < until; t += tile.repeat) {
                const std::ptrdiff_t line = run.lines == 1 ? 0 : t / cut.count, part = t - line * cut.count;
                const std::ptrdiff_t from = cut.first_row(part);
                tile.rows = cut.rows(part);
                tile.y = y + (line * run.line_rows + from) * y_pixel;
                // Tiles of as many rows that see no border go to the kernel at once; the last of all alone where
                // reading whole steps may pass the end of x.
                const std::ptrdiff_t same = (part < cut.longer ? cut.longer : cut.count) - part;
                const std::ptrdiff_t inside = part < inner_from ? 1 : std::max<std::ptrdiff_t>(inner_until - part, 1);
                tile.repeat = std::min({same, inside, until - t});
                if (reads_past && line == run.lines - 1 && part + tile.repeat == cut.count && tile.repeat > 1)
                    --tile.repeat;
                tile.tap_count =
                    run.direct ? builder.direct(group, from, tile.rows) : builder.line(group, line, from, tile.rows);
                multiply(tile);
            }
        }
    });
}

/// x − Z_x as int16, in chunks that threads take.
inline void widen(const gemm_header& h, const void* x, std::ptrdiff_t count, std::int16_t* to,
                  const executor& threads) {
    constexpr std::ptrdiff_t chunk = 1 << 16;
    threads.parallel_for(ceil_div(count, chunk), [&](std::ptrdiff_t i) {
        const std::ptrdiff_t from = i * chunk, size = std::min(chunk, count - from);
        widen_for(h.set)(static_cast<const std::uint8_t*>(x) + from, h.input == code_type::s8, h.input_zero, size,
                         to + from);
    });
}

/// The images of a batch, as the kernel wants to see them, and where the widened copy and the lists of taps live.
struct gemm_workspace {
    std::ptrdiff_t widened = 0, taps = 0;  ///< bytes of each

    gemm_workspace(const gemm_header& h, std::ptrdiff_t batch) {
        const conv2d_shape& s = h.shape;
        if (h.element == 2) widened = align64(batch * s.height * s.width * s.channels * 2 + 4);
        if (tap_slots(h) > tap_slots_on_stack)
            taps = align64(most_blocks_with_taps * tap_slots(h) * static_cast<std::ptrdiff_t>(sizeof(gemm_tap)));
    }
};

/// Runs packed weights on a batch; false, and nothing done, where they are for an instruction set not in use.
inline bool run_packed(const gemm_header& h, std::ptrdiff_t batch, const void* x, void* y, void* workspace,
                       const executor& threads) {
    if (!includes(active_isa(), h.set)) return false;
    const conv2d_shape& s = h.shape;
    const window2d& w = s.window;
    const gemm_workspace sizes(h, batch);
    gemm_run run{.header = &h, .y = static_cast<std::uint8_t*>(y)};
    run.direct = h.taps() == 1 && w.stride_height == 1 && w.stride_width == 1 && !h.joined &&
                 (w.pad_top | w.pad_bottom | w.pad_left | w.pad_right) == 0;
    run.lines = run.direct ? 1 : batch * s.out_height();
    run.line_rows = run.direct ? batch * s.height * s.width : s.out_width();
    const std::ptrdiff_t count = batch * s.height * s.width * s.channels;
    if (h.element == 2) {
        auto* const wide = static_cast<std::int16_t*>(workspace);
        widen(h, x, count, wide, threads);
        run.x = static_cast<const std::uint8_t*>(workspace);
        run.x_end = run.x + sizes.widened;
    } else {
        run.x = static_cast<const std::uint8_t*>(x);
        run.x_end = run.x + count;
    }
    if (sizes.taps > 0) run.taps = reinterpret_cast<gemm_tap*>(static_cast<std::uint8_t*>(workspace) + sizes.widened);
    run_gemm(run, threads);
    return true;
}

}  // namespace lowbit::detail
