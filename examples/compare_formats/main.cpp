// SPDX-License-Identifier: Apache-2.0
// Which format for how many bits? Every scheme on gaussian values, on heavy tails and on the weights of three trained
// networks: signal to quantization noise against bits per element.
//
//   compare_formats
//
// Prints a table and writes build/report/compare_formats.{json,html,svg}.
#include "common/report.hpp"
#include "common/samples.hpp"

#include <lowbit/core/metrics.hpp>
#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/any.hpp>
#include <lowbit/storage/archive.hpp>
#include <lowbit/storage/npy.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace {

using lowbit::tensor;

struct family {
    const char* name;
    std::vector<const char*> schemes;
};

// Groups and blocks store float16 scales where the format leaves the choice, so that bits compare.
const family families[] = {
    {"integers",
     {"int8", "int8:channel=0", "int6:channel=0", "int5:channel=0", "int4:channel=0", "int3:channel=0",
      "int2:channel=0", "int8:group=32:scale=f16", "int6:group=32:scale=f16", "int4:group=32:scale=f16",
      "int4:group=32:asymmetric:scale=f16", "int4:group=128:scale=f16", "int3:group=32:scale=f16",
      "int2:group=32:scale=f16"}},
    {"codebooks",
     {"kmeans2", "kmeans3", "kmeans4", "kmeans5", "kmeans6", "kmeans7", "kmeans8", "nf4", "nf4:double", "nf4:scale=mse",
      "nf4:double:scale=mse", "fp4", "fp4:scale=mse", "iq4nl"}},
    {"VS-Quant", {"vsq3s4v16", "vsq4s4v16", "vsq4s4v16:order=A", "vsq4s6v16", "vsq4s4v32", "vsq6s6v16", "vsq8s8v16"}},
    {"shared microexponents", {"mx4", "mx6", "mx9", "msfp12", "msfp16"}},
    {"OCP MX, NVFP4",
     {"mxfp4", "mxfp4:scale=mse", "nvfp4", "nvfp4:scale=mse", "mxfp6e2m3", "mxfp6e2m3:scale=mse", "mxfp6e3m2",
      "mxfp8e4m3", "mxfp8e4m3:scale=mse", "mxfp8e5m2", "mxint8", "mxint8:scale=mse"}},
    {"GGUF", {"q4_0", "q4_0:scale=mse", "q4_1", "q4_1:scale=mse", "q4_k", "q6_k", "q8_0", "q8_0:scale=mse"}},
};

/// A collection of tensors that one number is given for.
struct collection {
    std::string name, title;
    std::vector<tensor<float>> tensors{};
};

/// All weights of a bundled network, each as [out, everything else].
collection network(const std::string& name) {
    collection all{name, name + "’s weights"};
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(std::string(LOWBIT_EXAMPLE_DATA "/") + name)) {
        if (file.path().string().ends_with(".weights.npy")) files.push_back(file.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        auto weights = lowbit::read_npy<float>(file.string());
        weights.reshape({weights.shape()[0], weights.size() / weights.shape()[0]});
        all.tensors.push_back(std::move(weights));
    }
    return all;
}

struct measurement {
    double bits = 0, sqnr_db = 0, rmse = 0;
    double coded = 0;  ///< bits once the codes are entropy-coded (or left as they are, where that is smaller)
};

/// Bytes of a tensor in an archive that codes it as small as it can.
std::uint64_t coded_bytes(const lowbit::any_quantized& q) {
    lowbit::archive_writer writer;
    q.visit([&](const auto& chosen) { writer.add("", chosen, lowbit::coding::smallest); });
    const std::vector<std::byte> file = writer.bytes();
    return lowbit::archive(file).entries()[0].stored_bytes();
}

/// Bits over all elements. Each tensor counts by its number of values and not by the size of its numbers: its noise is
/// taken relative to its own power.
measurement measure(const collection& all, const lowbit::any_scheme& scheme, const lowbit::executor& threads) {
    double bytes = 0, coded = 0, count = 0, noise = 0, squares = 0;
    for (const auto& x : all.tensors) {
        const auto q = lowbit::quantize(x, scheme, threads);
        const auto error = lowbit::compare(x, lowbit::dequantize(q, threads));
        const auto n = static_cast<double>(x.size());
        bytes += static_cast<double>(q.bytes());
        coded += static_cast<double>(coded_bytes(q));
        count += n;
        noise += n * error.noise / error.signal;
        squares += error.noise;
    }
    return {8 * bytes / count, -10 * std::log10(noise / count), std::sqrt(squares / count), 8 * coded / count};
}

struct row {
    std::string scheme;
    std::size_t family;
    std::vector<measurement> on;  ///< one for each collection
};

/// Which bits a chart is about: those in memory, or those in a file.
using bits_member = double measurement::*;

/// The rows that no other one beats with as few bits (to a hundredth), by rising bits.
std::vector<const row*> best_of(const std::vector<row>& rows, std::size_t where, bits_member bits) {
    const auto order_of = [&](const row* r) {
        return std::pair(std::round(100 * r->on[where].*bits), -r->on[where].sqnr_db);
    };
    std::vector<const row*> order, best;
    for (const row& r : rows) order.push_back(&r);
    std::sort(order.begin(), order.end(), [&](const row* a, const row* b) { return order_of(a) < order_of(b); });
    for (const row* r : order) {
        if (best.empty() || r->on[where].sqnr_db > best.back()->on[where].sqnr_db) best.push_back(r);
    }
    return best;
}

/// Writes names beside marks, each where it covers no mark and no other name, or not at all.
class labels {
public:
    labels(examples::drawing& d, double left, double right) : d_(d), left_(left), right_(right) {}

    void keep_free(double x, double y) { taken_.push_back({x - 5, y - 5, x + 5, y + 5}); }

    void write(double x, double y, const std::string& words) {
        const double width = 6.5 * static_cast<double>(words.size());
        struct place {
            double x, y;
            bool before;
        };
        for (const place& at :
             {place{x - 7, y - 5, true}, {x + 8, y + 4, false}, {x - 8, y + 4, true}, {x + 7, y + 13, false}}) {
            const box b{at.before ? at.x - width : at.x, at.y - 10, at.before ? at.x : at.x + width, at.y + 2};
            const auto overlaps = [&](const box& o) {
                return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom;
            };
            if (b.left < left_ || b.right > right_ || std::any_of(taken_.begin(), taken_.end(), overlaps)) continue;
            d_.text(at.x, at.y, words, at.before ? "end" : "start");
            taken_.push_back(b);
            return;
        }
    }

private:
    struct box {
        double left, top, right, bottom;
    };
    examples::drawing& d_;
    double left_, right_;
    std::vector<box> taken_{};
};

/// All schemes as marks, and a step line through the best, which are named first.
std::string chart(const std::vector<row>& rows, std::size_t where, bits_member bits, double lowest, double highest) {
    const std::string title = bits == &measurement::bits ? "In memory" : "In a file, Huffman-coded";
    examples::axis x{.title = "bits per element, everything counted", .low = lowest, .high = highest};
    const double step = highest - lowest > 3 ? 1 : 0.25;
    for (double v = std::ceil(lowest / step) * step; v <= highest; v += step) {
        x.ticks.push_back({v, examples::short_number(v)});
    }
    std::vector<const row*> inside, best = best_of(rows, where, bits);
    double low = 1e9, high = 0;
    const auto outside = [&](const row* r) { return r->on[where].*bits < lowest || r->on[where].*bits > highest; };
    std::erase_if(best, outside);
    for (const row& r : rows) {
        if (outside(&r)) continue;
        inside.push_back(&r);
        low = std::min(low, r.on[where].sqnr_db);
        high = std::max(high, r.on[where].sqnr_db);
    }
    examples::plot::options size;
    size.width = 545;
    size.height = 420;
    examples::plot p(title, x, examples::round_axis("SQNR, dB", low, high), size);
    const auto place = [&](const row* r) {
        return std::array<double, 2>{p.x_at(r->on[where].*bits), p.y_at(r->on[where].sqnr_db)};
    };

    std::vector<std::array<double, 2>> steps;
    for (const row* r : best) {
        if (!steps.empty()) steps.push_back({place(r)[0], steps.back()[1]});
        steps.push_back(place(r));
    }
    p.d.polyline(steps, "line s6 dashed");
    labels names(p.d, size.left + 2, size.width);
    for (const row* r : inside) names.keep_free(place(r)[0], place(r)[1]);
    for (const auto* those : {&best, &inside}) {
        for (const row* r : *those) {
            if (those == &inside && std::find(best.begin(), best.end(), r) != best.end()) continue;
            names.write(place(r)[0], place(r)[1], r->scheme);
        }
    }
    for (const row* r : inside) {
        const measurement& m = r->on[where];
        p.d.mark(place(r)[0], place(r)[1], r->family, "mark " + examples::colour(r->family),
                 r->scheme + ": " + examples::fixed(m.bits, 3) + " bits (" + examples::fixed(m.coded, 3) +
                     " entropy-coded), " + examples::fixed(m.sqnr_db, 2) + " dB");
    }
    return p.str();
}

std::string legend() {
    std::string out = "<div class=\"legend\">";
    for (std::size_t f = 0; f < std::size(families); ++f) {
        examples::drawing d(14, 14);
        d.mark(7, 7, f, "mark " + examples::colour(f));
        out += "<span>" + d.str(families[f].name) + families[f].name + "</span>";
    }
    return out + "</div>\n";
}

/// A chart as a file of its own: with colours and names of the families.
std::string standalone(const std::string& svg) {
    const std::size_t head = svg.find('>') + 1, tail = svg.rfind("</svg>");
    std::string key;
    for (std::size_t f = 0; f < std::size(families); ++f) {
        examples::drawing d(170, 14);
        d.mark(7, 7, f, "mark " + examples::colour(f));
        d.text(17, 11, families[f].name);
        const std::string entry = d.str(families[f].name);
        key += "<svg x=\"66\" y=\"";
        key += std::to_string(38 + 18 * f);
        key += '"';
        key += entry.substr(4);
    }
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\"";
    text += svg.substr(4, head - 4);
    text +=
        "<style>text{font:12px system-ui,sans-serif;fill:#5b6470}.title{font-weight:600;font-size:14px}"
        ".grid{stroke:#dfe3e8}.axis{stroke:#5b6470}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}"
        ".mark{stroke:#fff}.s1{fill:#0072b2}.s2{fill:#d55e00}.s3{fill:#009e73}.s4{fill:#b0629a}.s5{fill:#c08a00}"
        ".mark.s6{fill:#4d5661}.line.s6{stroke:#4d5661}</style><rect width=\"100%\" height=\"100%\" "
        "fill=\"#fff\"/>";
    text += svg.substr(head, tail - head);
    text += key;
    text += "</svg>\n";
    return text;
}

void compare() {
    lowbit::thread_pool pool;
    const lowbit::executor threads(pool);
    std::vector<collection> collections;
    collections.push_back({"gaussian", "Gaussian values"});
    collections.back().tensors.push_back(examples::gaussian_samples({256, 4096}));
    collections.push_back({"student", "Heavy tails: Student’s t, 4 degrees of freedom"});
    collections.back().tensors.push_back(examples::student_samples({256, 4096}));
    for (const char* name : {"lenet", "resnet", "mobilenet"}) collections.push_back(network(name));

    std::vector<row> rows;
    examples::table table({{"scheme"},
                           {"bits", true},
                           {"coded", true},
                           {"gaussian RMSE", true},
                           {"dB", true},
                           {"heavy tails coded", true},
                           {"dB", true},
                           {"lenet bits", true},
                           {"coded", true},
                           {"dB", true},
                           {"resnet bits", true},
                           {"coded", true},
                           {"dB", true},
                           {"mobilenet bits", true},
                           {"coded", true},
                           {"dB", true}});
    nlohmann::json json = nlohmann::json::array();
    for (std::size_t f = 0; f < std::size(families); ++f) {
        if (f > 0) table.rule();
        for (const char* text : families[f].schemes) {
            const lowbit::any_scheme scheme = lowbit::parse_scheme(text);
            row r{text, f, {}};
            nlohmann::json entry{{"scheme", text}, {"family", families[f].name}};
            for (const collection& c : collections) {
                r.on.push_back(measure(c, scheme, threads));
                const measurement& m = r.on.back();
                entry[c.name] = {{"bits_per_element", m.bits},
                                 {"coded_bits_per_element", m.coded},
                                 {"sqnr_db", m.sqnr_db},
                                 {"rmse", m.rmse}};
            }
            json.push_back(std::move(entry));
            std::vector<std::string> cells{text,
                                           examples::fixed(r.on[0].bits, 3),
                                           examples::fixed(r.on[0].coded, 3),
                                           examples::fixed(r.on[0].rmse, 6),
                                           examples::fixed(r.on[0].sqnr_db, 2),
                                           examples::fixed(r.on[1].coded, 3),
                                           examples::fixed(r.on[1].sqnr_db, 2)};
            for (std::size_t c = 2; c < collections.size(); ++c) {
                cells.push_back(examples::fixed(r.on[c].bits, 2));
                cells.push_back(examples::fixed(r.on[c].coded, 2));
                cells.push_back(examples::fixed(r.on[c].sqnr_db, 2));
            }
            table.row(std::move(cells));
            rows.push_back(std::move(r));
        }
    }
    std::fputs(table.text().c_str(), stdout);

    examples::report page(
        "Which format for how many bits?",
        "Every scheme on the same numbers: how much noise it adds, and how many bits it takes with its "
        "scales, codebooks and exponents counted.");
    page.paragraph(
        "SQNR is the power of the values over the power of the error, in decibel; 6.02 dB are one bit. The dashed line "
        "goes through the schemes that none with as few bits beats. In a file the codes may be entropy-coded as well "
        "(coding::smallest): that takes most off formats whose codes are used unevenly, and hardly anything off "
        "k-means. Hover over a mark for its numbers.");
    for (std::size_t c = 0; c < collections.size(); ++c) {
        page.heading(collections[c].title);
        page.figure(
            legend() + chart(rows, c, &measurement::bits, 1.7, 9.3) + chart(rows, c, &measurement::bits, 3.75, 5.2) +
                chart(rows, c, &measurement::coded, 1.7, 9.3) + chart(rows, c, &measurement::coded, 3.25, 5.2),
            c < 2 ? "2<sup>20</sup> values, 256 channels of 4,096."
                  : "All weight tensors; each counts by its number of values, its noise relative to its own power.");
    }
    page.heading("All numbers");
    page.add(table);
    page.paragraph(
        "Bits are those of the 2<sup>20</sup> values, in memory and with Huffman-coded codes; small tensors with short "
        "rows take more, as the columns of the networks show.");
    const auto folder = examples::report_folder();
    examples::write_text(folder / "compare_formats.html", page.html());
    examples::write_text(folder / "compare_formats.json", json.dump(1) + "\n");
    examples::write_text(folder / "compare_formats.svg", standalone(chart(rows, 0, &measurement::bits, 1.7, 9.3)));
    std::printf("\n%s\n", (folder / "compare_formats.html").string().c_str());
}

}  // namespace

int main() {
    try {
        compare();
        return 0;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "compare_formats: %s\n", problem.what());
        return 1;
    }
}
