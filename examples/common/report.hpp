// SPDX-License-Identifier: Apache-2.0
/// @file
/// What every example leaves behind: build/report/<name>.json and one self-contained build/report/<name>.html.
#pragma once

#include "svg.hpp"

#include <lowbit/core/error.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace examples {

/// Where reports go: build/report under the current folder (run.sh starts examples at the top of the repository).
inline std::filesystem::path report_folder() { return std::filesystem::path("build") / "report"; }

inline void write_text(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    lowbit::check(file.good(), path.string(), ": cannot be written");
}

/// A page of headings, paragraphs, tables and figures.
class report {
public:
    report(std::string title, const std::string& subtitle) : title_(std::move(title)) {
        body_ = "<header><h1>" + title_ + "</h1><p class=\"lead\">" + subtitle + "</p></header>\n";
    }

    void heading(const std::string& words) { body_ += "<h2>" + words + "</h2>\n"; }
    void subheading(const std::string& words) { body_ += "<h3>" + words + "</h3>\n"; }
    void paragraph(const std::string& words) { body_ += "<p>" + words + "</p>\n"; }
    /// Markup of the caller's own.
    void markup(const std::string& html) { body_ += html; }
    void add(const table& t) { body_ += t.html(); }
    /// Charts side by side, wrapping; the caption says what to see.
    void figure(const std::string& charts, const std::string& caption) {
        body_ +=
            "<figure><div class=\"charts\">" + charts + "</div><figcaption>" + caption + "</figcaption></figure>\n";
    }
    /// A few large numbers with what they are.
    void highlights(std::span<const std::pair<std::string, std::string>> all) {
        body_ += "<div class=\"highlights\">";
        for (const auto& [number, words] : all) body_ += "<div><b>" + number + "</b><span>" + words + "</span></div>";
        body_ += "</div>\n";
    }

    std::string html() const {
        return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>" +
               title_ + "</title><style>" + style + "</style></head><body><main>\n" + body_ + "</main></body></html>\n";
    }

private:
    static constexpr const char* style = R"css(
:root { color-scheme: light dark; --page:#fff; --ink:#1d2126; --soft:#5b6470; --faint:#dfe3e8; --panel:#f6f7f9;
  --c1:#0072b2; --c2:#d55e00; --c3:#009e73; --c4:#b0629a; --c5:#c08a00; --c6:#4d5661; --wrong:213,94,0; }
@media (prefers-color-scheme: dark) { :root { --page:#15181c; --ink:#e6e9ed; --soft:#9aa4b0; --faint:#2d333b; --panel:#1c2026;
  --c1:#56b4e9; --c2:#ff8a3d; --c3:#2fc99c; --c4:#dd94c4; --c5:#f0bf3f; --c6:#b9c2cc; --wrong:255,138,61; } }
* { box-sizing: border-box }
body { margin:0; background:var(--page); color:var(--ink); font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
  "Liberation Sans",Arial,sans-serif; }
main { max-width:1180px; margin:0 auto; padding:40px 28px 80px }
header { border-bottom:1px solid var(--faint); margin-bottom:28px }
h1 { font-size:34px; line-height:1.15; letter-spacing:-.015em; margin:0 0 8px }
h2 { font-size:22px; letter-spacing:-.01em; margin:52px 0 10px } h3 { font-size:16px; margin:30px 0 4px }
p { max-width:74ch; margin:8px 0 14px } .lead { font-size:18px; color:var(--soft); margin-bottom:22px }
.highlights { display:flex; flex-wrap:wrap; gap:14px; margin:22px 0 }
.highlights div { background:var(--panel); border-radius:10px; padding:14px 20px; min-width:165px; flex:1 }
.highlights b { display:block; font-size:27px; letter-spacing:-.02em; font-variant-numeric:tabular-nums }
.highlights span { color:var(--soft); font-size:14px }
.scroll { overflow-x:auto; margin:14px 0 }
table { border-collapse:collapse; font-size:14px; font-variant-numeric:tabular-nums }
th { text-align:left; font-weight:600; color:var(--soft); border-bottom:2px solid var(--faint); padding:6px 18px 6px 0; white-space:nowrap }
td { padding:4px 18px 4px 0; border-bottom:1px solid var(--faint); white-space:nowrap } .n { text-align:right }
tr.rule td { border-top:2px solid var(--soft) } tbody tr:hover td { background:var(--panel) }
figure { margin:18px 0 30px } .charts { display:flex; flex-wrap:wrap; gap:20px 26px; align-items:flex-start }
figcaption { color:var(--soft); font-size:14px; max-width:82ch; margin-top:8px }
.legend { display:flex; flex-wrap:wrap; gap:4px 22px; width:100%; font-size:14px } .legend span { display:inline-flex; align-items:center; gap:7px }
svg { max-width:100%; height:auto; overflow:visible } svg text { font-family:inherit; fill:var(--soft); font-size:12px }
svg .title { fill:var(--ink); font-size:14px; font-weight:600 } svg .axis-title { font-size:12px } svg .count { fill:var(--ink); font-size:10.5px }
svg .count.faint { fill:var(--soft) } svg .count.on-strong { fill:var(--page); font-weight:600 }
.grid { stroke:var(--faint) } .axis { stroke:var(--soft) } .line { fill:none; stroke-width:2; stroke-linejoin:round } .dashed { stroke-dasharray:5 4 }
.mark { stroke:var(--page); stroke-width:1 } .bin { fill:var(--faint) } .tick { stroke-width:2 } .level { stroke-width:1; opacity:.75 }
.right { fill:var(--panel) } .none { fill:none } .wrong { fill:rgb(var(--wrong)) }
.s1 { stroke:var(--c1) } .s2 { stroke:var(--c2) } .s3 { stroke:var(--c3) } .s4 { stroke:var(--c4) } .s5 { stroke:var(--c5) } .s6 { stroke:var(--c6) }
.mark.s1,.fill.s1 { fill:var(--c1) } .mark.s2,.fill.s2 { fill:var(--c2) } .mark.s3,.fill.s3 { fill:var(--c3) }
.mark.s4,.fill.s4 { fill:var(--c4) } .mark.s5,.fill.s5 { fill:var(--c5) } .mark.s6,.fill.s6 { fill:var(--c6) }
.mark { stroke:var(--page) !important } .fill { stroke:none }
.digits { display:flex; flex-wrap:wrap; gap:12px } .digits div { width:74px; font-size:13px; line-height:1.35; text-align:center }
.digits img { width:74px; height:74px; border-radius:6px; border:1px solid var(--faint); image-rendering:pixelated; display:block; margin-bottom:3px }
.digits s { color:var(--c2); text-decoration:none; font-weight:600 } .digits b { color:var(--c1) } .digits i { color:var(--soft); font-style:normal }
@media print { main { max-width:none } }
)css";

    std::string title_, body_;
};

}  // namespace examples
