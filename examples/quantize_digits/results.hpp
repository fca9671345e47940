// SPDX-License-Identifier: Apache-2.0
/// @file
/// What quantize_digits finds out, and how it shows it: table, JSON, charts.
#pragma once

#include "common/digits.hpp"
#include "common/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

/// One line of the table: a network stored in one way.
struct result {
    std::string network{}, method{};
    int bits = 32;
    std::string granularity = "tensor", stage = "ptq";
    double accuracy = 0;         ///< percent of the test images
    double lost = 0;             ///< percentage points below float32
    std::ptrdiff_t bytes = 0;    ///< of the weights as stored, all counted
    double ratio = 1;            ///< float32's bytes over these
    double ms_per_1000 = 0;      ///< wall time of the run
    double epochs = 0;           ///< of fine-tuning
    std::vector<int> answers{};  ///< to the test images

    std::string name() const {
        if (method == "float32") return method;
        if (method == "int8-integer-only") return "int8 per " + granularity;
        if (method == "linear-weights") return "linear per " + granularity;
        if (stage == "ptq") return "k-means";
        return stage == "qat-gradient" ? "k-means, tuned by gradients" : "k-means, tuned by means";
    }
};

/// One layer of an integer network.
struct layer_result {
    std::string network{}, granularity{}, layer{}, kind{};
    double sqnr_db = 0;    ///< against the float network's values, run freely
    int largest = 0;       ///< difference in codes from fake quantization on the same input codes
    double differing = 0;  ///< percent of the codes that differ at all
};

/// The weights of one layer and what stood for them.
struct spread_result {
    std::string network{}, layer{};
    std::vector<float> weights{};
    std::vector<float> levels4{}, levels2{}, tuned2{};
};

struct findings {
    std::vector<result> rows{};
    std::vector<layer_result> layers{};
    std::vector<spread_result> spreads{};

    /// The row of that kind. Errors: none.
    const result& find(const std::string& network, const std::string& method, int bits, const std::string& granularity,
                       const std::string& stage = "ptq") const {
        for (const result& r : rows)
            if (r.network == network && r.method == method && r.bits == bits && r.granularity == granularity &&
                r.stage == stage)
                return r;
        lowbit::fail("no row ", network, " ", method, " ", bits, " ", granularity, " ", stage);
    }
};

inline examples::table result_table(const std::vector<result>& rows) {
    using examples::fixed;
    examples::table t({{"network"},
                       {"method"},
                       {"bits", true},
                       {"granularity"},
                       {"stage"},
                       {"epochs", true},
                       {"accuracy %", true},
                       {"lost", true},
                       {"bytes", true},
                       {"ratio", true},
                       {"ms/1000", true}});
    const result* last = nullptr;
    for (const result& r : rows) {
        if (last && last->network != r.network) t.rule();
        t.row({r.network, r.method, std::to_string(r.bits), r.granularity, r.stage,
               r.stage == "ptq" ? "" : fixed(r.epochs, 1), fixed(r.accuracy, 2), fixed(r.lost, 2),
               examples::grouped(r.bytes), fixed(r.ratio, 2), fixed(r.ms_per_1000, 1)});
        last = &r;
    }
    return t;
}

inline examples::table layer_table(const std::vector<layer_result>& layers) {
    using examples::fixed;
    examples::table t({{"network"},
                       {"granularity"},
                       {"layer"},
                       {"kind"},
                       {"SQNR dB", true},
                       {"largest code difference", true},
                       {"codes that differ %", true}});
    const layer_result* last = nullptr;
    for (const layer_result& l : layers) {
        if (last && (last->network != l.network || last->granularity != l.granularity)) t.rule();
        t.row({l.network, l.granularity, l.layer, l.kind, std::isfinite(l.sqnr_db) ? fixed(l.sqnr_db, 1) : "exact",
               std::to_string(l.largest), fixed(l.differing, 3)});
        last = &l;
    }
    return t;
}

inline nlohmann::ordered_json to_json(const findings& found) {
    const auto rounded = [](double v, double unit) { return std::round(v / unit) * unit; };
    nlohmann::ordered_json rows = nlohmann::ordered_json::array(), layers = rows;
    for (const result& r : found.rows)
        rows.push_back({{"network", r.network},
                        {"method", r.method},
                        {"bits", r.bits},
                        {"granularity", r.granularity},
                        {"stage", r.stage},
                        {"accuracy", rounded(r.accuracy, 1e-4)},
                        {"lost", rounded(r.lost, 1e-4)},
                        {"bytes", r.bytes},
                        {"ratio", rounded(r.ratio, 1e-4)},
                        {"ms_per_1000", rounded(r.ms_per_1000, 1e-3)}});
    for (const layer_result& l : found.layers)
        layers.push_back({{"network", l.network},
                          {"granularity", l.granularity},
                          {"layer", l.layer},
                          {"kind", l.kind},
                          {"sqnr_db", std::isfinite(l.sqnr_db) ? nlohmann::ordered_json(rounded(l.sqnr_db, 1e-3))
                                                               : nlohmann::ordered_json(nullptr)},
                          {"largest_difference", l.largest},
                          {"differing_percent", rounded(l.differing, 1e-4)}});
    return {{"rows", rows}, {"layers", layers}};
}

// -------------------------------------------------------------------------------------------------- the report

inline std::vector<std::string> networks_of(const findings& found) {
    std::vector<std::string> names;
    for (const result& r : found.rows)
        if (std::find(names.begin(), names.end(), r.network) == names.end()) names.push_back(r.network);
    return names;
}

/// Accuracy against bits, one line per method.
inline void accuracy_figure(examples::report& page, const findings& found) {
    const char* order[] = {"k-means",           "k-means, tuned by gradients", "k-means, tuned by means",
                           "linear per tensor", "linear per channel",          "int8 per channel"};
    std::vector<examples::series> legend;
    for (std::size_t i = 0; i < std::size(order); ++i) legend.push_back({.name = order[i], .number = i});
    legend.back().name = "int8 per channel, integers only";
    legend.push_back({.name = "float32", .number = 5, .marks = false, .dashed = true});
    std::string charts = examples::legend(legend);
    for (const std::string& network : networks_of(found)) {
        std::vector<examples::series> lines;
        double lowest = 100, highest = 0;
        for (std::size_t i = 0; i < std::size(order); ++i) {
            examples::series line{.name = order[i], .number = i};
            for (const result& r : found.rows) {
                if (r.network != network || r.name() != order[i]) continue;
                // Evenly spaced: 2, 3, 4, 8 bits.
                line.points.push_back({r.bits == 8 ? 5.0 : static_cast<double>(r.bits), r.accuracy});
                lowest = std::min(lowest, r.accuracy);
                highest = std::max(highest, r.accuracy);
            }
            lines.push_back(std::move(line));
        }
        const double whole = found.find(network, "float32", 32, "tensor").accuracy;
        lines.insert(
            lines.begin(),
            {.name = "float32", .number = 5, .points = {{1.7, whole}, {5.3, whole}}, .marks = false, .dashed = true});
        examples::axis x{.title = "bits per weight", .low = 1.7, .high = 5.3};
        x.ticks = {{2, "2"}, {3, "3"}, {4, "4"}, {5, "8"}};
        charts += examples::line_chart(network, x, examples::accuracy_axis(lowest, std::max(highest, whole)), lines);
    }
    page.figure(charts,
                "Test accuracy against the bits of a weight. The vertical scale is logarithmic in the error, so that "
                "the top is not crowded and a collapse still fits.");
}

inline void spread_figure(examples::report& page, const findings& found) {
    page.paragraph(
        "How the weights of each layer are spread, and the levels that stand for them: the k-means codebooks of 4 and "
        "2 "
        "bits, which no other levels beat, and those of 2 bits after fine-tuning. The lines through a histogram are "
        "the "
        "sixteen levels of 4 bits.");
    for (const std::string& network : networks_of(found)) {
        std::string charts;
        for (const spread_result& s : found.spreads) {
            if (s.network != network) continue;
            const examples::level_row rows[] = {
                {"4 bits", 0, s.levels4}, {"2 bits", 1, s.levels2}, {"2 bits, tuned", 2, s.tuned2}};
            const std::string title =
                s.layer + ", " + examples::grouped(static_cast<std::ptrdiff_t>(s.weights.size())) + " weights";
            charts += examples::histogram(title, s.weights, rows);
        }
        page.subheading(network);
        page.figure(charts, "");
    }
}

inline void sqnr_figure(examples::report& page, const findings& found) {
    const examples::series names[] = {{.name = "per channel", .number = 0}, {.name = "per tensor", .number = 1}};
    std::string charts = examples::bar_legend(names);
    for (const std::string& network : networks_of(found)) {
        std::vector<std::string> labels;
        examples::series per_channel = names[0], per_tensor = names[1];
        for (const layer_result& l : found.layers) {
            if (l.network != network) continue;
            examples::series& line = l.granularity == "channel" ? per_channel : per_tensor;
            if (l.granularity == "channel") labels.push_back(l.layer);
            line.points.push_back(
                {static_cast<double>(line.points.size()), std::isfinite(l.sqnr_db) ? std::max(l.sqnr_db, 0.0) : 0});
        }
        const examples::series lines[] = {per_channel, per_tensor};
        charts += examples::bar_chart(network, "SQNR, dB", labels, lines);
    }
    page.figure(
        charts,
        "Signal to quantization noise of each layer's output in the int8 integer run, against the float network "
        "on the same images: the noise of all layers before it included. 6 dB are one bit.");
}

inline void confusion_figure(examples::report& page, const findings& found, const examples::digits& test) {
    std::string charts;
    for (const std::string& network : networks_of(found)) {
        const auto chart = [&](const result& r, const std::string& title) {
            std::vector<std::vector<int>> counts(10, std::vector<int>(10));
            for (std::size_t i = 0; i < r.answers.size(); ++i)
                ++counts[static_cast<std::size_t>(test.labels[i])][static_cast<std::size_t>(r.answers[i])];
            charts += examples::confusion_chart(network + ", " + title + ": " + examples::fixed(r.accuracy, 2) + " %",
                                                counts);
        };
        chart(found.find(network, "float32", 32, "tensor"), "float32");
        chart(found.find(network, "kmeans", 2, "tensor"), "2 bits");
        chart(found.find(network, "kmeans", 2, "tensor", "qat-gradient"), "2 bits, tuned");
    }
    page.figure(
        charts,
        "What was answered to each digit: in float32, with k-means at 2 bits, and after fine-tuning. Mistakes are "
        "shaded by their number.");
}

/// The images that `after` answers differently from float32.
inline std::string changed_digits(const result& before, const result& after, const examples::digits& test) {
    constexpr std::size_t most = 24;
    std::string pictures;
    std::size_t changed = 0;
    for (std::size_t i = 0; i < before.answers.size(); ++i) {
        if (before.answers[i] == after.answers[i]) continue;
        if (++changed > most) continue;
        const int label = test.labels[i];
        const auto answer = [&](int a) {
            return (a == label ? "<b>" : "<s>") + std::to_string(a) + (a == label ? "</b>" : "</s>");
        };
        const std::span<const std::uint8_t> pixels(
            test.images.data() + static_cast<std::ptrdiff_t>(i) * examples::digits::pixels, examples::digits::pixels);
        pictures += "<div><img alt=\"a " + std::to_string(label) + "\" src=\"" + examples::picture(pixels, 28) + "\">" +
                    answer(before.answers[i]) + " → " + answer(after.answers[i]) + "</div>";
    }
    if (pictures.empty()) return "<p>None.</p>";
    const std::string note = changed > most ? ", the first " + std::to_string(most) + " shown" : "";
    return "<p>" + std::to_string(changed) + " of " + examples::grouped(std::ssize(before.answers)) + note +
           ".</p><div class=\"digits\">" + pictures + "</div>";
}

inline std::string make_report(const findings& found, const examples::digits& test, const std::string& machine) {
    examples::report page(
        "Quantized digits",
        "Three small networks that read handwritten digits, stored in fewer bits, fine-tuned, and run with "
        "integers only. 2,000 test images of MNIST that nothing was chosen by.");
    const auto networks = networks_of(found);
    double worst8 = 0, worst2 = 0;
    int largest = 0;
    for (const std::string& n : networks) {
        worst8 = std::max(worst8, found.find(n, "int8-integer-only", 8, "channel").lost);
        worst2 = std::max(worst2, found.find(n, "kmeans", 2, "tensor", "qat-gradient").lost);
    }
    for (const layer_result& l : found.layers) largest = std::max(largest, l.largest);
    const std::pair<std::string, std::string> numbers[] = {
        {examples::fixed(worst8, 2), "points lost at most by int8, per channel, with integers only"},
        {examples::fixed(worst2, 2), "points lost at most by 2-bit k-means after fine-tuning"},
        {examples::fixed(found.find(networks[0], "kmeans", 2, "tensor", "qat-gradient").ratio, 1) + "×",
         "smaller: " + networks[0] + " at 2 bits, codebooks and biases counted"},
        {std::to_string(largest), "code apart at most: the integer run and fake quantization, at any layer"}};
    page.highlights(numbers);
    page.heading("Accuracy against bits");
    accuracy_figure(page, found);
    page.heading("Every row");
    page.paragraph(
        "Weights alone are quantized in the k-means and linear rows; batch norms and biases stay in float32 and are "
        "counted. The int8 rows fold batch norms into the layers and run with integers from the input's codes to the "
        "output's. Milliseconds are wall time per 1,000 images, " +
        machine + ".");
    page.add(result_table(found.rows));
    page.heading("Weights and their codebooks");
    spread_figure(page, found);
    page.heading("Noise, layer by layer");
    sqnr_figure(page, found);
    page.paragraph(
        "Each layer once more, simulated with fake quantization in float32 on the integer run's own input codes: the "
        "largest difference between its output codes and the integers'.");
    page.add(layer_table(found.layers));
    page.heading("Confusion at 2 bits");
    confusion_figure(page, found, test);
    page.heading("Digits that changed their answer");
    for (const std::string& n : networks) {
        const result& whole = found.find(n, "float32", 32, "tensor");
        page.subheading(n + ", int8 with integers only");
        page.markup(changed_digits(whole, found.find(n, "int8-integer-only", 8, "channel"), test));
        page.subheading(n + ", 2-bit k-means after fine-tuning");
        page.markup(changed_digits(whole, found.find(n, "kmeans", 2, "tensor", "qat-gradient"), test));
    }
    return page.html();
}
