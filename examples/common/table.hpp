// SPDX-License-Identifier: Apache-2.0
/// @file
/// A table of text, for the terminal and for a report.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// "12.35", or "−0.10" with a true minus.
inline std::string fixed(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    const std::string plain = text;
    const bool zero = plain.find_first_not_of("-0.") == std::string::npos;
    if (plain[0] != '-') return plain;
    return (zero ? "" : "−") + plain.substr(1);
}

/// "1,234,567".
inline std::string grouped(std::ptrdiff_t value) {
    std::string digits = std::to_string(value);
    for (std::ptrdiff_t at = std::ssize(digits) - 3; at > (value < 0 ? 1 : 0); at -= 3)
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    return digits;
}

class table {
public:
    struct column {
        std::string title{};
        bool number = false;  ///< set to the right
    };

    explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

    void row(std::vector<std::string> cells) {
        cells.resize(columns_.size());
        rows_.push_back({std::move(cells), rule_});
        rule_ = false;
    }
    /// A line before the next row.
    void rule() { rule_ = true; }

    /// As wide as it needs, with lines under the head and at rules.
    std::string text() const {
        std::vector<std::size_t> widths;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            widths.push_back(length(columns_[c].title));
            for (const auto& r : rows_) widths[c] = std::max(widths[c], length(r.cells[c]));
        }
        const auto line = [&](auto&& cell) {
            std::string out;
            for (std::size_t c = 0; c < columns_.size(); ++c) {
                const std::string content = cell(c), space(widths[c] - length(content), ' ');
                out += (c ? "  " : "") + (columns_[c].number ? space + content : content + space);
            }
            out.erase(out.find_last_not_of(' ') + 1);
            return out + "\n";
        };
        std::size_t total = 2 * (columns_.size() - 1);
        for (const std::size_t w : widths) total += w;
        std::string bar;
        for (std::size_t i = 0; i < total; ++i) bar += "─";
        std::string out = line([&](std::size_t c) { return columns_[c].title; }) + bar + "\n";
        for (const auto& r : rows_) {
            if (r.rule) out += bar + "\n";
            out += line([&](std::size_t c) { return r.cells[c]; });
        }
        return out;
    }

    /// `<table>`; cells may hold no markup.
    std::string html() const {
        std::string out = "<div class=\"scroll\"><table><thead><tr>";
        for (const auto& c : columns_) out += std::string(c.number ? "<th class=\"n\">" : "<th>") + c.title + "</th>";
        out += "</tr></thead><tbody>\n";
        for (const auto& r : rows_) {
            out += r.rule ? "<tr class=\"rule\">" : "<tr>";
            for (std::size_t c = 0; c < columns_.size(); ++c)
                out += std::string(columns_[c].number ? "<td class=\"n\">" : "<td>") + r.cells[c] + "</td>";
            out += "</tr>\n";
        }
        return out + "</tbody></table></div>\n";
    }

private:
    struct line_of_cells {
        std::vector<std::string> cells;
        bool rule;
    };

    /// Characters of UTF-8 text.
    static std::size_t length(const std::string& text) {
        return static_cast<std::size_t>(std::count_if(
            text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    }

    std::vector<column> columns_;
    std::vector<line_of_cells> rows_;
    bool rule_ = false;
};

}  // namespace examples
