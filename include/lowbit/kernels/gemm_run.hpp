// SPDX-License-Identifier: Apache-2.0
/// @file
/// The loops around the micro-kernels: which rows of x meet which panel of weights, and on which thread. Internal to
/// kernels/linear.hpp and conv2d.hpp.
///
/// A convolution is a matrix product whose rows are output pixels: a tile is a few neighbours of one output line, and
/// each tap of the window contributes a segment of x at a fixed distance from row to row, read where it is (implicit
/// GEMM). Only images of few channels are copied, with their borders.
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
    const std::uint8_t *x = nullptr, *x_end = nullptr;  ///< as the kernel sees it: bytes, widened or copied
    std::uint8_t* y = nullptr;
    std::ptrdiff_t lines = 0, line_rows = 0;  ///< output lines, and pixels of each
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
        next_tap(x, 0);
        push();
        return count_;
    }

    /// The output pixels [first, first + rows) of an output line.
    std::ptrdiff_t line(std::ptrdiff_t group, std::ptrdiff_t line, std::ptrdiff_t first, int rows) {
        const conv2d_shape& s = h_.seen;
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
        const conv2d_shape& s = h_.seen;
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
        gemm_tap& next = next_tap(reinterpret_cast<const std::uint8_t*>(address), tap);
        next.first = first;
        next.last = last;
        push();
    }

    /// Begins a tap that all rows see. Written where it stays, member by member: a copy would wait for the writes.
    gemm_tap& next_tap(const std::uint8_t* x, std::ptrdiff_t tap) {
        gemm_tap& next = taps_[count_];
        next.x = x;
        next.stride = stride_;
        next.steps = h_.steps;
        next.bytes = h_.segment;
        next.step = tap * h_.steps;
        next.skipped = tap;
        next.skips = h_.has_skips ? 1 : 0;
        next.first = 0;
        next.last = rows_;
        return next;
    }

    /// Appends the tap that was begun, with the last step taken from a copy where reading all of it would pass the end
    /// of x.
    void push() {
        gemm_tap& tap = taps_[count_];
        if (tap.bytes == tap.steps * 4 || tap.x + (tap.last - 1) * stride_ + tap.steps * 4 <= run_.x_end)
            return append();
        gemm_tap end = tap;
        const std::ptrdiff_t whole = tap.steps - 1, rest = tap.bytes - whole * 4;
        if (whole > 0) {
            tap.steps = whole;
            tap.bytes = whole * 4;
            append();
            end.skips = 0;
        }
        std::memset(copied_, 0, static_cast<std::size_t>(4 * rows_));
        for (int row = end.first; row < end.last; ++row)
            std::memcpy(copied_ + 4 * row, end.x + row * stride_ + whole * 4, static_cast<std::size_t>(rest));
        end.step += whole;
        end.steps = 1;
        end.bytes = rest;
        end.x = copied_;
        end.stride = 4;
        copied_ += 4 * rows_;
        taps_[count_] = end;
        append();
    }

    /// Keeps the tap that was begun, or lengthens the one before where both its x and its weights go on here.
    void append() {
        const gemm_tap& tap = taps_[count_];
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
        ++count_;
    }

    const gemm_run& run_;
    const gemm_header& h_;
    gemm_tap* taps_;
    std::ptrdiff_t stride_ = 0, count_ = 0;
    int rows_ = 0;
    std::uint8_t* copied_ = nullptr;
    std::uint8_t scratch_[4 * 4 * max_tile_rows];  // at most 3 taps end in the last 3 bytes of x
};

/// Where a panel of packed weights is, within its group; starts at the first one.
struct panel_place {
    std::ptrdiff_t offset = 0, channel = 0;
    int width = 0;

    panel_place(const gemm_header& h, std::ptrdiff_t group_out) : width(h.panel_width(group_out)) {}
    void advance(const gemm_header& h, std::ptrdiff_t group_out) {
        offset += h.panel_bytes(width);
        channel += width;
        width = h.panel_width(group_out - channel);
    }
};

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
    std::ptrdiff_t count = 1, base, longer = 0;

    line_tiles(std::ptrdiff_t rows, int most) : base(rows) {
        if (rows <= most) return;
        count = ceil_div<std::ptrdiff_t>(rows, most);
        base = rows / count;
        longer = rows % count;
    }
    std::ptrdiff_t first_row(std::ptrdiff_t tile) const { return tile * base + std::min(tile, longer); }
    int rows(std::ptrdiff_t tile) const { return static_cast<int>(base + (tile < longer ? 1 : 0)); }
};

/// The outputs [first, last) along an axis: those whose windows see no border.
struct inner_outputs {
    std::ptrdiff_t first = 0, last = 0;

    /// How many times `size` outputs from `output` on are inside; at least 1.
    std::ptrdiff_t together(std::ptrdiff_t output, std::ptrdiff_t size) const {
        return output < first ? 1 : std::max<std::ptrdiff_t>((last - output) / size, 1);
    }
};

inline inner_outputs inner_of(std::ptrdiff_t extent, std::ptrdiff_t outputs, std::ptrdiff_t pad, std::ptrdiff_t span,
                              std::ptrdiff_t stride) {
    inner_outputs inner{0, outputs};
    while (inner.first < outputs && inner.first * stride < pad) ++inner.first;
    while (inner.last > inner.first && (inner.last - 1) * stride - pad + span > extent) --inner.last;
    return inner;
}

/// Item i of n cut into equal parts begins here.
inline std::ptrdiff_t begin_of(std::ptrdiff_t i, std::ptrdiff_t parts, std::ptrdiff_t n) {
    return parts == 1 ? i * n : i * n / parts;
}

/// The tiles of one panel: which of them go to the kernel at once, and what each of them reads.
class panel_run {
public:
    explicit panel_run(const gemm_run& run) : run_(run), columns_{0, run.line_rows}, rows_{0, run.lines} {
        const conv2d_shape& s = run.header->seen;
        const window2d& w = s.window;
        if (run.header->direct) return;
        columns_ = inner_of(s.width, run.line_rows, w.pad_left, w.span_width(), w.stride_width);
        rows_ = inner_of(s.height, s.out_height(), w.pad_top, w.span_height(), w.stride_height);
    }

    /// Band `band` of `bands`: of the lines, or of the tiles of the only line. The tile says which panel; y is where
    /// its first output goes.
    void operator()(gemm_tile& tile, tap_builder& builder, std::ptrdiff_t group, int width, std::ptrdiff_t band,
                    std::ptrdiff_t bands, std::uint8_t* y) const {
        const gemm_header& h = *run_.header;
        const int kind = h.geometry.kind_of(width);
        const gemm_tile_function multiply = gemm_tile_for(h.set, h.wide, kind);
        const line_tiles cut(run_.line_rows, h.geometry.rows[kind]);
        const bool by_lines = run_.lines > 1;
        const std::ptrdiff_t lines_end = by_lines ? begin_of(band + 1, bands, run_.lines) : 1;
        const std::ptrdiff_t parts_end = by_lines ? cut.count : begin_of(band + 1, bands, cut.count);
        // Lines and tiles of as many rows that see no border go to the kernel at once; alone where reading whole steps
        // passes the end of x.
        for (std::ptrdiff_t line = by_lines ? begin_of(band, bands, run_.lines) : 0; line < lines_end;
             line += tile.lines) {
            if (by_lines) tile.lines = std::min(rows_.together(line % h.seen.out_height(), 1), lines_end - line);
            while (tile.lines > 1 && reads_past(line + tile.lines - 1, run_.line_rows - 1)) --tile.lines;
            for (std::ptrdiff_t part = by_lines ? 0 : begin_of(band, bands, cut.count); part < parts_end;
                 part += tile.repeat) {
                const std::ptrdiff_t from = cut.first_row(part);
                tile.rows = cut.rows(part);
                tile.y = y + (line * run_.line_rows + from) * tile.y_stride;
                const std::ptrdiff_t same = (part < cut.longer ? cut.longer : cut.count) - part;
                tile.repeat = std::min(same, parts_end - part);
                if (tile.repeat > 1) tile.repeat = std::min(tile.repeat, columns_.together(from, tile.rows));
                while (tile.repeat > 1 && reads_past(line + tile.lines - 1, cut.first_row(part + tile.repeat) - 1))
                    --tile.repeat;
                tile.tap_count =
                    h.direct ? builder.direct(group, from, tile.rows) : builder.line(group, line, from, tile.rows);
                multiply(tile);
                tile.advance();
            }
        }
    }

private:
    /// Whether reading whole steps at this output pixel passes the end of x.
    bool reads_past(std::ptrdiff_t line, std::ptrdiff_t at) const {
        const gemm_header& h = *run_.header;
        if (h.segment == 4 * h.steps || h.copies()) return false;
        const conv2d_shape& s = h.seen;
        const window2d& w = s.window;
        const std::ptrdiff_t image = line / s.out_height(), oy = line - image * s.out_height();
        const std::ptrdiff_t iy = std::min(oy * w.stride_height - w.pad_top + w.span_height(), s.height) - 1;
        const std::ptrdiff_t ix = std::min(at * w.stride_width - w.pad_left + w.span_width(), s.width) - 1;
        const std::ptrdiff_t pixel = h.direct ? at : (image * s.height + iy) * s.width + ix;
        return (pixel + 1) * s.channels - h.segment + 4 * h.steps > run_.x_end - run_.x;
    }

    const gemm_run& run_;
    inner_outputs columns_, rows_;
};

inline void run_gemm(const gemm_run& run, const executor& threads) {
    const gemm_header& h = *run.header;
    const conv2d_shape& s = h.seen;
    const std::ptrdiff_t group_out = s.groups == 1 ? s.out_channels : s.out_channels / s.groups;
    const std::ptrdiff_t panels = h.group_panels * s.groups;
    if (panels == 0 || run.lines == 0 || run.line_rows == 0) return;
    const gemm_blocks blocks(panels, threads.concurrency(), run.taps != nullptr);
    const std::ptrdiff_t y_pixel = s.out_channels * bytes_of(h.output);
    const panel_run run_panel(run);

    threads.parallel_for(blocks.across * blocks.down, [&](std::ptrdiff_t block) {
        const std::ptrdiff_t band = blocks.down == 1 ? 0 : block / blocks.across, column = block - band * blocks.across;
        // Bytes, as an array of taps would be initialized at each call.
        alignas(gemm_tap) std::byte on_stack[tap_slots_on_stack * sizeof(gemm_tap)];
        gemm_tap* const taps = run.taps ? run.taps + block * tap_slots(h) : reinterpret_cast<gemm_tap*>(on_stack);
        tap_builder builder(run, taps);
        gemm_tile tile{.header = &h, .taps = taps, .y_stride = y_pixel};
        tile.x_line = s.window.stride_height * s.width * s.channels * h.element;
        tile.y_line = run.line_rows * y_pixel;
        tile.ahead_bytes = 64 * h.taps() * h.steps;
        const std::ptrdiff_t first = begin_of(column, blocks.across, panels);
        const std::ptrdiff_t last = begin_of(column + 1, blocks.across, panels);
        std::ptrdiff_t group = 0;
        panel_place place(h, group_out);
        for (std::ptrdiff_t panel = 0; panel < last; ++panel) {
            if (panel >= first) {
                tile.panel = h.base() + h.panels + group * h.group_bytes + place.offset;
                tile.columns = static_cast<int>(std::min<std::ptrdiff_t>(group_out - place.channel, place.width));
                tile.ahead = tile.panel + h.panel_bytes(place.width);
                tile.ahead_end = tile.ahead + (panel + 1 < last ? h.panel_bytes(place.width) : 0);
                std::uint8_t* const y = run.y + (group * group_out + place.channel) * bytes_of(h.output);
                run_panel(tile, builder, group, place.width, band, blocks.down, y);
            }
            place.advance(h, group_out);
            if (place.channel >= group_out) {
                place = panel_place(h, group_out);
                ++group;
            }
        }
    });
}

/// A matrix on the calling thread: as `run_gemm`, without what would cost short calls most of their time.
LOWBIT_ALWAYS_INLINE void run_matrix(const gemm_header& h, std::ptrdiff_t rows, const std::uint8_t* x,
                                     std::uint8_t* y) {
    const std::ptrdiff_t out = h.shape.out_channels, y_value = bytes_of(h.output);
    gemm_tap tap{.stride = h.segment, .steps = h.steps, .bytes = h.segment};
    gemm_tile tile{.header = &h, .panel = h.base() + h.panels, .taps = &tap, .tap_count = 1, .y_stride = out * y_value};
    tile.ahead_bytes = 64 * h.steps;
    for (std::ptrdiff_t left = out; left > 0 && rows > 0;) {
        const int width = h.panel_width(left);
        const int kind = h.geometry.kind_of(width);
        const gemm_tile_function multiply = gemm_tile_for(h.set, h.wide, kind);
        const line_tiles cut(rows, h.geometry.rows[kind]);
        tile.columns = static_cast<int>(std::min<std::ptrdiff_t>(left, width));
        const std::uint8_t* const next = left > width ? tile.panel + h.panel_bytes(width) : tile.panel;
        tile.ahead = tile.ahead_end = next;
        if (left > width) tile.ahead_end += h.panel_bytes(h.panel_width(left - width));
        for (std::ptrdiff_t part = 0; part < cut.count; part += tile.repeat) {
            const std::ptrdiff_t first = cut.first_row(part);
            tile.rows = tap.last = cut.rows(part);
            tile.repeat = (part < cut.longer ? cut.longer : cut.count) - part;
            tile.y = y + first * tile.y_stride;
            tap.x = x + first * h.segment;
            multiply(tile);
            tile.advance();
        }
        left -= tile.columns;
        y += tile.columns * y_value;
        tile.panel = next;
    }
}

/// x − Z_x as int16, in chunks that threads take.
inline void widen(const gemm_header& h, const std::uint8_t* x, std::ptrdiff_t count, std::int16_t* to,
                  const executor& threads) {
    constexpr std::ptrdiff_t chunk = 1 << 16;
    threads.parallel_for(ceil_div(count, chunk), [&](std::ptrdiff_t i) {
        const std::ptrdiff_t from = i * chunk, size = std::min(chunk, count - from);
        widen_for(h.set)(x + from, h.input == code_type::s8, h.input_zero, size, to + from);
    });
}

/// Images with their borders, widened or not, in bands of lines that threads take.
inline void copy_padded(const gemm_header& h, std::ptrdiff_t batch, const std::uint8_t* x, std::uint8_t* to,
                        const executor& threads) {
    constexpr std::ptrdiff_t band = 32;
    const conv2d_shape& s = h.shape;
    const window2d& w = s.window;
    const std::ptrdiff_t bands = ceil_div(h.seen.height, band), line = s.width * s.channels;
    const std::ptrdiff_t pixel = s.channels * h.element, to_line = h.seen.width * pixel;
    const widen_function widen_line = widen_for(h.set);
    threads.parallel_for(batch * bands, [&](std::ptrdiff_t i) {
        const std::ptrdiff_t image = i / bands, top = i % bands * band, bottom = std::min(top + band, h.seen.height);
        const std::uint8_t* const from = x + (image * s.height - w.pad_top) * line;
        std::uint8_t* const image_to = to + image * h.seen.height * to_line;
        std::memset(image_to + top * to_line, h.element == 1 ? h.input_zero : 0,
                    static_cast<std::size_t>((bottom - top) * to_line));
        for (std::ptrdiff_t y = std::max(top, w.pad_top); y < std::min(bottom, w.pad_top + s.height); ++y) {
            std::uint8_t* const at = image_to + y * to_line + w.pad_left * pixel;
            if (h.element == 1)
                std::memcpy(at, from + y * line, static_cast<std::size_t>(line));
            else
                widen_line(from + y * line, h.input == code_type::s8, h.input_zero, line,
                           reinterpret_cast<std::int16_t*>(at));
        }
    });
}

/// Where the copy of the images and the lists of taps live.
struct gemm_workspace {
    std::ptrdiff_t images = 0, taps = 0;  ///< bytes of each

    gemm_workspace(const gemm_header& h, std::ptrdiff_t batch) {
        const conv2d_shape& s = h.seen;
        // The last step may read 3 bytes more.
        if (h.copies()) images = align64(batch * s.height * s.width * s.channels * h.element + 4);
        if (tap_slots(h) > tap_slots_on_stack)
            taps = align64(most_blocks_with_taps * tap_slots(h) * static_cast<std::ptrdiff_t>(sizeof(gemm_tap)));
    }
    std::size_t bytes() const { return static_cast<std::size_t>(images + taps); }
};

/// Runs packed weights on a batch; false, and nothing done, where they are for an instruction set not in use.
inline bool run_packed(const gemm_header& h, std::ptrdiff_t batch, const void* x, void* y, void* workspace,
                       const executor& threads) {
    if (!includes(active_isa(), h.set)) return false;
    const conv2d_shape& s = h.seen;
    const std::ptrdiff_t pixels = batch * s.height * s.width;
    if (h.plain() && threads.concurrency() <= 1) {
        run_matrix(h, pixels, static_cast<const std::uint8_t*>(x), static_cast<std::uint8_t*>(y));
        return true;
    }
    const gemm_workspace sizes(h, batch);
    const auto* bytes = static_cast<const std::uint8_t*>(x);
    auto* const space = static_cast<std::uint8_t*>(workspace);
    gemm_run run{.header = &h, .y = static_cast<std::uint8_t*>(y)};
    run.lines = h.direct ? 1 : batch * s.out_height();
    run.line_rows = h.direct ? pixels : s.out_width();
    const std::ptrdiff_t count = pixels * s.channels;
    if (h.padded) {
        copy_padded(h, batch, bytes, space, threads);
    } else if (h.element == 2) {
        widen(h, bytes, count, static_cast<std::int16_t*>(workspace), threads);
    }
    run.x = h.copies() ? space : bytes;
    run.x_end = run.x + (h.copies() ? sizes.images : count);
    if (sizes.taps > 0) run.taps = reinterpret_cast<gemm_tap*>(space + sizes.images);
    run_gemm(run, threads);
    return true;
}

}  // namespace lowbit::detail
