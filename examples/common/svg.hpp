// SPDX-License-Identifier: Apache-2.0
/// @file
/// Charts as SVG, to stand inside a report's page: its style sheet gives the colours, light and dark.
///
/// Series are told apart by colour and by mark. The colours are Okabe and Ito's, safe for the colour-blind.
#pragma once

#include "table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// "12.3", without needless digits.
inline std::string short_number(double v) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", v);
    return text;
}

/// Shapes in pixels, from the top left.
class drawing {
public:
    drawing(double width, double height) : width_(width), height_(height) {}

    /// `style` is a class of the report's style sheet.
    void line(double x1, double y1, double x2, double y2, const std::string& style) {
        add("<line class=\"", style, "\" x1=\"", x1, "\" y1=\"", y1, "\" x2=\"", x2, "\" y2=\"", y2, "\"/>");
    }
    void rect(double x, double y, double w, double h, const std::string& style, double opacity = 1,
              const std::string& tip = "") {
        add("<rect class=\"", style, "\" x=\"", x, "\" y=\"", y, "\" width=\"", w, "\" height=\"", h, "\"");
        if (opacity < 1) add(" fill-opacity=\"", opacity, "\"");
        tip.empty() ? add("/>") : add("><title>", tip, "</title></rect>");
    }
    /// `anchor`: start, middle or end. Turned about its own place, in degrees.
    void text(double x, double y, const std::string& words, const std::string& anchor = "start",
              const std::string& style = "label", double turned = 0) {
        add("<text class=\"", style, "\" x=\"", x, "\" y=\"", y, "\" text-anchor=\"", anchor, "\"");
        if (turned != 0) add(" transform=\"rotate(", turned, " ", x, " ", y, ")\"");
        add(">", words, "</text>");
    }
    void polyline(std::span<const std::array<double, 2>> points, const std::string& style) {
        add("<polyline class=\"", style, "\" points=\"");
        for (const auto& p : points) add(p[0], ",", p[1], " ");
        add("\"/>");
    }
    void polygon(std::span<const std::array<double, 2>> points, const std::string& style, const std::string& tip = "") {
        add("<polygon class=\"", style, "\" points=\"");
        for (const auto& p : points) add(p[0], ",", p[1], " ");
        tip.empty() ? add("\"/>") : add("\"><title>", tip, "</title></polygon>");
    }
    /// The mark of series number `kind`: circle, square, diamond, triangles up and down, plus.
    void mark(double x, double y, std::size_t kind, const std::string& style, const std::string& tip = "") {
        using points = std::vector<std::array<double, 2>>;
        const double r = 4.2;
        const auto shape = [&](const points& p) { polygon(p, style, tip); };
        switch (kind % 6) {
            case 0:
                add("<circle class=\"", style, "\" cx=\"", x, "\" cy=\"", y, "\" r=\"", r, "\"><title>", tip,
                    "</title></circle>");
                break;
            case 1:
                return shape({{x - r, y - r}, {x + r, y - r}, {x + r, y + r}, {x - r, y + r}});
            case 2:
                return shape({{x, y - 1.4 * r}, {x + 1.4 * r, y}, {x, y + 1.4 * r}, {x - 1.4 * r, y}});
            case 3:
                return shape({{x, y - 1.2 * r}, {x + 1.2 * r, y + r}, {x - 1.2 * r, y + r}});
            case 4:
                return shape({{x, y + 1.2 * r}, {x + 1.2 * r, y - r}, {x - 1.2 * r, y - r}});
            default: {
                const double a = r / 2.6, b = 1.3 * r;
                return shape({{x - a, y - b},
                              {x + a, y - b},
                              {x + a, y - a},
                              {x + b, y - a},
                              {x + b, y + a},
                              {x + a, y + a},
                              {x + a, y + b},
                              {x - a, y + b},
                              {x - a, y + a},
                              {x - b, y + a},
                              {x - b, y - a},
                              {x - a, y - a}});
            }
        }
    }

    std::string str(const std::string& description) const {
        std::string head = "<svg viewBox=\"0 0 " + short_number(width_) + " " + short_number(height_) + "\" width=\"" +
                           short_number(width_) + "\" height=\"" + short_number(height_) +
                           "\" role=\"img\" aria-label=\"" + description + "\">";
        return head + body_ + "</svg>\n";
    }
    double width() const { return width_; }
    double height() const { return height_; }

private:
    void put(const std::string& part) { body_ += part; }
    void put(const char* part) { body_ += part; }
    void put(double v) {
        char text[32];
        std::snprintf(text, sizeof text, "%.7g", std::round(v * 100) / 100);
        body_ += text;
    }
    template <class... Parts>
    void add(const Parts&... parts) {
        (put(parts), ...);
    }

    double width_, height_;
    std::string body_{};
};

/// Where values lie along an axis, and what is written there.
struct axis {
    std::string title{};
    double low = 0, high = 1;
    std::vector<std::pair<double, std::string>> ticks{};
    std::function<double(double)> scale = [](double v) { return v; };  ///< before the linear map: a logarithm, say

    /// 0 at low, 1 at high.
    double place(double v) const { return (scale(v) - scale(low)) / (scale(high) - scale(low)); }
};

/// From zero (or below) to just past the largest value, with about five round ticks.
inline axis round_axis(const std::string& title, double low, double high) {
    const double rough = std::max(high - low, 1e-12) / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double s : {5.0, 2.5, 2.0, 1.0})
        if (s * power >= rough) step = s * power;
    axis a{.title = title, .low = step * std::floor(low / step), .high = step * std::ceil(high / step - 1e-9)};
    for (double v = a.low; v <= a.high + step / 2; v += step)
        a.ticks.push_back({v, short_number(std::abs(v) < step / 2 ? 0 : v)});
    return a;
}

/// Accuracy in percent, drawn by the logarithm of its error, so that 98 and 99 lie apart and 20 still fits.
inline axis accuracy_axis(double lowest, double highest) {
    axis a{.title = "accuracy, % (scaled by error)", .scale = [](double v) { return -std::log(100.2 - v); }};
    const double ticks[] = {0, 50, 80, 90, 95, 98, 99, 99.5, 100};
    a.low = 0;
    for (const double t : ticks)
        if (t <= lowest - 0.05) a.low = t;
    a.high = 100;
    for (const double t : {99.5, 99.0})
        if (t >= highest + 0.05) a.high = t;
    for (const double t : ticks)
        if (t >= a.low && t <= a.high) a.ticks.push_back({t, short_number(t)});
    return a;
}

/// The frame of a chart: title, axes with ticks and grid lines; then places in pixels.
class plot {
public:
    struct options {
        double width = 348, height = 300, left = 60, right = 14, top = 30, bottom = 44;
    };

    plot(const std::string& title, const axis& x, const axis& y) : plot(title, x, y, options{}) {}
    plot(const std::string& title, const axis& x, const axis& y, const options& o)
        : d(o.width, o.height), o_(o), x_(x), y_(y), title_(title) {
        d.text(o.left, 18, title, "start", "title");
        for (const auto& [value, label] : y.ticks) {
            d.line(o.left, y_at(value), o.width - o.right, y_at(value), "grid");
            d.text(o.left - 7, y_at(value) + 4, label, "end");
        }
        for (const auto& [value, label] : x.ticks) {
            d.line(x_at(value), o.height - o.bottom, x_at(value), o.height - o.bottom + 4, "axis");
            d.text(x_at(value), o.height - o.bottom + 17, label, "middle");
        }
        d.line(o.left, o.height - o.bottom, o.width - o.right, o.height - o.bottom, "axis");
        if (!x.title.empty()) d.text((o.left + o.width - o.right) / 2, o.height - 8, x.title, "middle", "axis-title");
        if (!y.title.empty()) d.text(13, (o.top + o.height - o.bottom) / 2, y.title, "middle", "axis-title", -90);
    }

    double x_at(double v) const { return o_.left + x_.place(v) * (o_.width - o_.left - o_.right); }
    double y_at(double v) const { return o_.height - o_.bottom - y_.place(v) * (o_.height - o_.top - o_.bottom); }
    std::string str() const { return d.str(title_); }

    drawing d;

private:
    options o_;
    axis x_, y_;
    std::string title_;
};

/// One line of a chart. `number` chooses its colour and mark.
struct series {
    std::string name{};
    std::size_t number = 0;
    std::vector<std::array<double, 2>> points{};
    bool marks = true;
    bool dashed = false;
};

inline std::string colour(std::size_t number) { return {'s', static_cast<char>('1' + number % 6)}; }

inline std::string line_chart(const std::string& title, const axis& x, const axis& y, std::span<const series> all) {
    plot p(title, x, y);
    for (const series& s : all) {
        std::vector<std::array<double, 2>> places;
        for (const auto& [a, b] : s.points) places.push_back({p.x_at(a), p.y_at(b)});
        p.d.polyline(places, "line " + colour(s.number) + (s.dashed ? " dashed" : ""));
    }
    for (const series& s : all)
        for (const auto& [a, b] : s.points)
            if (s.marks)
                p.d.mark(p.x_at(a), p.y_at(b), s.number, "mark " + colour(s.number),
                         s.name + ", " + short_number(a) + ": " + short_number(b));
    return p.str();
}

/// What the colours and marks of several charts mean.
inline std::string legend(std::span<const series> all) {
    std::string out = "<div class=\"legend\">";
    for (const series& s : all) {
        drawing d(30, 14);
        const std::array<double, 2> ends[] = {{1, 7}, {29, 7}};
        d.polyline(ends, "line " + colour(s.number) + (s.dashed ? " dashed" : ""));
        if (s.marks) d.mark(15, 7, s.number, "mark " + colour(s.number));
        out += "<span>" + d.str(s.name) + s.name + "</span>";
    }
    return out + "</div>\n";
}

/// Bars side by side: for each label one bar per series, whose points' second numbers are the heights.
inline std::string bar_chart(const std::string& title, const std::string& value_title,
                             std::span<const std::string> labels, std::span<const series> all) {
    double high = 0;
    for (const series& s : all)
        for (const auto& point : s.points) high = std::max(high, point[1]);
    std::size_t longest = 0;
    for (const std::string& l : labels) longest = std::max(longest, l.size());
    const double count = static_cast<double>(labels.size()), per_label = std::max(22.0, 250 / count);
    plot::options o;
    o.bottom = 18 + 4.6 * static_cast<double>(longest);
    o.height = 200 + o.bottom;
    o.width = o.left + o.right + per_label * count;
    plot p(title, {.low = 0, .high = count}, round_axis(value_title, 0, high), o);
    const double width = 0.76 * per_label / static_cast<double>(all.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double left = p.x_at(static_cast<double>(i)) + 0.12 * per_label;
        for (std::size_t s = 0; s < all.size(); ++s) {
            const double value = all[s].points[i][1];
            p.d.rect(left + static_cast<double>(s) * width, p.y_at(value), width - 1, p.y_at(0) - p.y_at(value),
                     "fill " + colour(all[s].number), 1, labels[i] + ", " + all[s].name + ": " + short_number(value));
        }
        p.d.text(p.x_at(static_cast<double>(i) + 0.5) + 4, p.y_at(0) + 12, labels[i], "end", "label", -50);
    }
    return p.str();
}

/// One row of a chart of horizontal bars: the value is written at the bar's end.
struct bar_row {
    std::string label{};
    double value = 0;
    std::string text{};      ///< of the value
    std::size_t number = 0;  ///< colour
};

/// Labels on the left, bars from 0 to the right; negative values have no bar.
inline std::string row_chart(const std::string& title, std::span<const bar_row> rows) {
    std::size_t longest = 0;
    double high = 1e-9;
    for (const bar_row& r : rows) {
        longest = std::max(longest, r.label.size());
        high = std::max(high, r.value);
    }
    const double left = 12 + 6.1 * static_cast<double>(longest), full = 530 - left - 48, height = 20;
    drawing d(530, 34 + height * static_cast<double>(rows.size()));
    d.text(0, 16, title, "start", "title");
    double top = 28;
    for (const bar_row& r : rows) {
        const double width = std::max(full * r.value / high, 1.5);
        d.text(left - 8, top + 13, r.label, "end");
        d.rect(left, top + 2, width, height - 5, "fill " + colour(r.number), 1, r.label + ": " + r.text);
        d.text(left + width + 6, top + 13, r.text, "start", "count");
        top += height;
    }
    d.line(left, 28, left, top, "axis");
    return d.str(title);
}

/// The squares of a legend for bars.
inline std::string bar_legend(std::span<const series> all) {
    std::string out = "<div class=\"legend\">";
    for (const series& s : all) {
        drawing d(14, 14);
        d.rect(1, 1, 12, 12, "fill " + colour(s.number));
        out += "<span>" + d.str(s.name) + s.name + "</span>";
    }
    return out + "</div>\n";
}

/// Levels to draw under a histogram, one row each.
struct level_row {
    std::string name{};
    std::size_t number = 0;
    std::vector<float> levels{};
};

/// How the values are spread, and where the levels lie that stand for them.
inline std::string histogram(const std::string& title, std::span<const float> values, std::span<const level_row> rows) {
    constexpr std::size_t bins = 60;
    const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
    const double reach = std::max({static_cast<double>(*highest), -static_cast<double>(*lowest), 1e-6});
    std::array<double, bins> counts{};
    for (const float v : values) {
        const double at = (static_cast<double>(v) / reach + 1) / 2 * static_cast<double>(bins);
        counts[std::min(bins - 1, static_cast<std::size_t>(at))] += 1;
    }
    axis x = round_axis("", -reach, reach);
    std::erase_if(x.ticks, [&](const auto& t) { return std::abs(t.first) > 1.001 * reach; });
    x.low = -reach;
    x.high = reach;
    plot::options o;
    const double row_height = 15, under = 26;
    o.bottom = under + row_height * static_cast<double>(rows.size()) + 8;
    o.height = 140 + o.bottom;
    o.left = 84;
    o.width = 357;  // three of them side by side
    const double most = *std::max_element(counts.begin(), counts.end());
    axis y = round_axis("", 0, most);
    y.ticks.clear();
    plot p(title, x, y, o);
    const double width = (p.x_at(reach) - p.x_at(-reach)) / static_cast<double>(bins);
    for (std::size_t b = 0; b < bins; ++b)
        p.d.rect(p.x_at(-reach) + static_cast<double>(b) * width, p.y_at(counts[b]), width - 0.6,
                 p.y_at(0) - p.y_at(counts[b]), "bin");
    p.d.text(o.left - 10, p.y_at(0) + 17, "weight", "end");
    p.d.text(o.left - 10, p.y_at(0) - 4, "how many", "end");
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const double y_middle = p.y_at(0) + under + row_height * (static_cast<double>(r) + 0.5);
        p.d.text(o.left - 10, y_middle + 4, rows[r].name, "end");
        p.d.line(p.x_at(-reach), y_middle, p.x_at(reach), y_middle, "grid");
        for (const float v : rows[r].levels) {
            const double at = p.x_at(std::clamp(static_cast<double>(v), -reach, reach));
            p.d.line(at, y_middle - 5.5, at, y_middle + 5.5, "tick " + colour(rows[r].number));
            if (r == 0) p.d.line(at, p.y_at(most), at, p.y_at(0), "level " + colour(rows[r].number));
        }
    }
    return p.str();
}

/// A square table of counts: rows what is shown, columns what was answered. Mistakes are shaded by how many they are.
inline std::string confusion_chart(const std::string& title, const std::vector<std::vector<int>>& counts) {
    const double cell = 29, left = 40, top = 56;
    const auto classes = static_cast<double>(counts.size());
    int most = 8;
    for (std::size_t i = 0; i < counts.size(); ++i)
        for (std::size_t j = 0; j < counts.size(); ++j)
            if (i != j) most = std::max(most, counts[i][j]);
    drawing d(left + classes * cell + 8, top + classes * cell + 10);
    d.text(left, 16, title, "start", "title");
    d.text(left + classes * cell / 2, top - 18, "answer", "middle", "axis-title");
    d.text(12, top + classes * cell / 2, "digit", "middle", "axis-title", -90);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double at = static_cast<double>(i) * cell;
        d.text(left + at + cell / 2, top - 5, std::to_string(i), "middle");
        d.text(left - 7, top + at + cell / 2 + 4, std::to_string(i), "end");
        for (std::size_t j = 0; j < counts.size(); ++j) {
            const double x = left + static_cast<double>(j) * cell;
            const double share = static_cast<double>(counts[i][j]) / most;
            const bool right = i == j, strong = !right && share > 0.55;
            d.rect(x, top + at, cell - 1, cell - 1,
                   right          ? "right"
                   : counts[i][j] ? "wrong"
                                  : "none",
                   right || !counts[i][j] ? 1 : 0.15 + 0.85 * share);
            if (counts[i][j])
                d.text(x + cell / 2 - 0.5, top + at + cell / 2 + 3.5, std::to_string(counts[i][j]), "middle",
                       right    ? "count faint"
                       : strong ? "count on-strong"
                                : "count");
        }
    }
    return d.str(title);
}

/// A grey picture as a data: address (a BMP of 16 greys), ink on paper: 255 is black.
inline std::string picture(std::span<const std::uint8_t> pixels, std::size_t side) {
    const std::size_t stride = (side / 2 + 3) / 4 * 4, offset = 14 + 40 + 16 * 4, size = offset + stride * side;
    std::string bytes = "BM";
    const auto number = [&](std::size_t v, int count) {
        for (int i = 0; i < count; ++i) bytes += static_cast<char>(v >> (8 * i) & 255);
    };
    for (const std::size_t v : {size, std::size_t{0}, offset, std::size_t{40}, side, side}) number(v, 4);
    for (const std::size_t v : {1, 4}) number(v, 2);
    for (const std::size_t v :
         {std::size_t{0}, stride * side, std::size_t{2835}, std::size_t{2835}, std::size_t{16}, std::size_t{16}})
        number(v, 4);
    for (std::size_t grey = 0; grey < 16; ++grey) number((255 - 17 * grey) * 0x010101, 4);
    for (std::size_t row = side; row-- > 0;)
        for (std::size_t x = 0; x < 2 * stride; x += 2) {
            const auto at = [&](std::size_t column) { return column < side ? pixels[row * side + column] / 16u : 0u; };
            bytes += static_cast<char>(at(x) << 4 | at(x + 1));
        }
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out = "data:image/bmp;base64,";
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](std::size_t k) {
            return k < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])) : 0u;
        };
        const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
    }
    return out;
}

}  // namespace examples
