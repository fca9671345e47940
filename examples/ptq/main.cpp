// SPDX-License-Identifier: Apache-2.0
// Post-training quantization: what each method wins back, on two trained networks. Everything runs with integers only;
// calibration uses 512 training images, no labels, and no choice is made on the test images.
//
//   ptq [NETWORK …]      (default: mobilenet and lenet)
//
// Prints a table and writes build/report/ptq.{json,html}.
#include "common/networks.hpp"
#include "common/progress.hpp"
#include "common/report.hpp"
#include "common/setting.hpp"
#include "common/table.hpp"

#include <lowbit/model/diagnose.hpp>
#include <lowbit/model/mixed_precision.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/size.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using examples::fixed;
using examples::setting;
using lowbit::tensor;

/// A network quantized one way.
struct result {
    std::string network{}, part{}, method{}, granularity{};
    double weight_bits = 32;
    int activation_bits = 32;
    double accuracy = 0, lost = 0;
    std::ptrdiff_t bytes = 0;
    double seconds = 0;  ///< that quantizing took
};

/// Weights of a layer, and the loss alone at each width.
struct layer_losses {
    std::string network{}, layer{};
    std::vector<double> losses{};
    int bits_at_3 = 0, bits_at_4 = 0;  ///< what mixed precision gave it
};

constexpr int narrowest = 2, widest = 8;

lowbit::affine weights(int bits, const lowbit::granularity& how) { return {.bits = bits, .granularity = how}; }

lowbit::affine activations(int bits, lowbit::clip_method clip = lowbit::clip_method::minmax) {
    return {.bits = bits, .symmetric = false, .clip = {.method = clip}};
}

class experiment {
public:
    experiment(const setting& s, std::string_view name, std::vector<result>& rows, std::vector<layer_losses>& layers)
        : s_(s),
          name_(name),
          rows_(rows),
          layers_(layers),
          trained_(examples::trained_network(name, LOWBIT_EXAMPLE_DATA)),
          bar_(name_) {}

    void run() {
        float_accuracy_ = s_.accuracy(lowbit::float_run(trained_, s_.test, {}, s_.threads));
        result whole{.network = name_, .part = "float32", .method = "float32", .accuracy = float_accuracy_};
        whole.bytes = lowbit::size_of(trained_).total();
        rows_.push_back(whole);

        const auto tensor_wise = lowbit::per_tensor(), channel_wise = lowbit::per_channel(0);
        add("8 bits per tensor", "nearest", {.weights = weights(8, tensor_wise)});
        add("8 bits per channel", "nearest", {.weights = weights(8, channel_wise)});
        clipping();
        refinements("4 bits per tensor", weights(4, tensor_wise));
        refinements("4 bits per channel", weights(4, channel_wise));
        refinements("3 bits per channel", weights(3, channel_wise));
        mixed_precision();
        if (name_ == "mobilenet") uneven_channels();
        bar_.finish("");
    }

private:
    void add(const std::string& part, const std::string& method, const lowbit::recipe& r) {
        add(part, method, r, trained_);
    }

    void add(const std::string& part, const std::string& method, const lowbit::recipe& r, const lowbit::graph& g) {
        bar_.update(static_cast<double>(done_++) / planned, part + ", " + method);
        const auto start = std::chrono::steady_clock::now();
        const lowbit::integer_network network(lowbit::quantize_graph(g, s_.calibration, r, {}, s_.threads));
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        const lowbit::model_size size = lowbit::size_of(network.quantized());
        result row{.network = name_, .part = part, .method = method};
        const auto* scheme = std::get_if<lowbit::affine>(&r.weights.value());
        row.granularity =
            scheme != nullptr && scheme->granularity.kind == lowbit::sharing::tensor ? "tensor" : "channel";
        row.weight_bits = average_bits(network.quantized());
        row.activation_bits = r.activations.bits;
        row.accuracy = s_.accuracy(network.run(s_.test, s_.threads));
        row.lost = float_accuracy_ - row.accuracy;
        row.bytes = size.total();
        row.seconds = taken.count();
        rows_.push_back(row);
    }

    /// Bits of the codes, per weight.
    static double average_bits(const lowbit::quantized_graph& q) {
        double bits = 0, count = 0;
        for (const lowbit::edge e : q.network.weighted()) {
            const auto scheme = q.layers[static_cast<std::size_t>(e.node)].weights.scheme();
            const auto size = static_cast<double>(q.network[e].weights.size());
            bits += std::get<lowbit::affine>(scheme.value()).bits * size;
            count += size;
        }
        return bits / count;
    }

    /// Ranges of activations at 8 and 4 bits, weights int8 per channel.
    void clipping() {
        using lowbit::clip_method;
        for (const int bits : {8, 4})
            for (const clip_method clip :
                 {clip_method::minmax, clip_method::percentile, clip_method::mse, clip_method::kl, clip_method::octav,
                  clip_method::aciq_laplace, clip_method::aciq_gauss})
                add("activations", "clip " + lowbit::to_string(lowbit::clip_spec{.method = clip}),
                    {.activations = activations(bits, clip)});
        const lowbit::affine four = activations(4, clip_method::mse);
        add("4-bit activations", "clip mse", {.activations = four});
        add("4-bit activations", "clip mse + SmoothQuant", {.activations = four, .smoothquant = 0.5});
        add("4-bit activations", "clip mse + rotation", {.activations = four, .rotate = true});
    }

    void refinements(const std::string& part, const lowbit::affine& scheme) {
        using lowbit::weight_rounding;
        lowbit::recipe r{.weights = scheme};
        add(part, "nearest", r);
        r.bias_correction = true;
        add(part, "bias correction", r);
        r.equalize = true;
        r.bias_correction = false;
        add(part, "equalization", r);
        r.bias_correction = true;
        add(part, "equalization + bias correction", r);
        r.equalize = r.bias_correction = false;
        r.weight_rounding = weight_rounding::adaround;
        add(part, "AdaRound", r);
        r.weight_rounding = weight_rounding::gptq;
        add(part, "GPTQ", r);
        r.bias_correction = true;
        add(part, "GPTQ + bias correction", r);
        r.equalize = true;
        add(part, "equalization + GPTQ + bias correction", r);
        lowbit::affine asymmetric = scheme;
        asymmetric.symmetric = false;
        add(part, "HQQ", {.weights = asymmetric, .weight_fit = lowbit::weight_fit::hqq});
        if (scheme.granularity.kind == lowbit::sharing::tensor) return;  // AWQ clips within output channels
        add(part, "AWQ", {.weights = scheme, .awq = true, .weight_fit = lowbit::weight_fit::awq});
        add(part, "AWQ + GPTQ + bias correction",
            {.weights = scheme,
             .awq = true,
             .weight_fit = lowbit::weight_fit::awq,
             .weight_rounding = weight_rounding::gptq,
             .bias_correction = true});
    }

    /// Bits per layer by an exact knapsack at the size of uniform 3 and 4 bits.
    void mixed_precision() {
        std::vector<lowbit::any_scheme> schemes;
        for (int bits = narrowest; bits <= widest; ++bits) schemes.push_back(weights(bits, lowbit::per_channel(0)));
        const lowbit::recipe nearest{};
        bar_.update(static_cast<double>(done_) / planned, "sensitivity");
        const auto analysis =
            lowbit::analyze_sensitivity(trained_, s_.calibration, schemes, nearest, {}, {}, s_.threads);
        std::vector<layer_losses> losses;
        for (const lowbit::layer_sensitivity& layer : analysis) {
            layer_losses& row = losses.emplace_back();
            row.network = name_;
            row.layer = layer.name;
            for (const lowbit::sensitivity& option : layer.options) row.losses.push_back(option.loss);
        }
        for (const int average : {3, 4}) {
            const auto uniform = static_cast<std::size_t>(average - narrowest);
            double budget = 0;
            for (const lowbit::layer_sensitivity& layer : analysis)
                budget += static_cast<double>(layer.options[uniform].bytes);
            const auto found = lowbit::search_mixed_precision(trained_, s_.calibration, analysis, budget,
                                                              lowbit::budget_kind::bytes, nearest, s_.threads);
            const std::string part = std::to_string(average) + " bits on average";
            add(part, "uniform", {.weights = schemes[uniform]});
            add(part, "mixed precision", found.found);
            lowbit::recipe refined = found.found;
            refined.weight_rounding = lowbit::weight_rounding::gptq;
            refined.bias_correction = true;
            add(part, "mixed precision + GPTQ + bias correction", refined);
            for (std::size_t l = 0; l < losses.size(); ++l)
                (average == 3 ? losses[l].bits_at_3 : losses[l].bits_at_4) =
                    narrowest + static_cast<int>(found.assignment.options[l]);
        }
        layers_.insert(layers_.end(), losses.begin(), losses.end());
    }

    /// The same function with channels that differ by factors of 1 to 100: what training can do to a network.
    void uneven_channels() {
        lowbit::graph uneven = lowbit::fold_batch_norms(trained_);
        for (const lowbit::layer_pair& pair : lowbit::find_pairs(uneven)) {
            const std::ptrdiff_t channels = uneven[pair.first].weights.shape()[0];
            std::vector<float> s;
            for (std::ptrdiff_t c = 0; c < channels; ++c)
                s.push_back(std::pow(100.0f, static_cast<float>(c * 7 % channels) / static_cast<float>(channels - 1)));
            lowbit::rescale(uneven, pair, s);
        }
        lowbit::recipe r{.weights = weights(8, lowbit::per_tensor())};
        add("uneven channels", "nearest", r, uneven);
        r.equalize = true;
        add("uneven channels", "equalization", r, uneven);
    }

    const setting& s_;
    std::string name_;
    std::vector<result>& rows_;
    std::vector<layer_losses>& layers_;
    lowbit::graph trained_;
    examples::progress bar_;
    double float_accuracy_ = 0;
    static constexpr int planned = 58;  ///< rows of a network, about
    int done_ = 0;
};

examples::table result_table(const std::vector<result>& rows) {
    examples::table t({{"network"},
                       {"what"},
                       {"method"},
                       {"weights", true},
                       {"activations", true},
                       {"accuracy %", true},
                       {"lost", true},
                       {"bytes", true},
                       {"seconds", true}});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const result& r = rows[i];
        if (i > 0 && (rows[i - 1].part != r.part || rows[i - 1].network != r.network)) t.rule();
        t.row({r.network, r.part, r.method, fixed(r.weight_bits, r.weight_bits == std::round(r.weight_bits) ? 0 : 2),
               std::to_string(r.activation_bits), fixed(r.accuracy, 2), fixed(r.lost, 2), examples::grouped(r.bytes),
               fixed(r.seconds, 2)});
    }
    return t;
}

examples::table layer_table(const std::vector<layer_losses>& layers) {
    std::vector<examples::table::column> columns{{"network"}, {"layer"}};
    for (int bits = narrowest; bits <= widest; ++bits) columns.push_back({"loss at " + std::to_string(bits), true});
    columns.push_back({"bits at 3", true});
    columns.push_back({"bits at 4", true});
    examples::table t(columns);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (i > 0 && layers[i - 1].network != layers[i].network) t.rule();
        std::vector<std::string> cells{layers[i].network, layers[i].layer};
        for (const double loss : layers[i].losses) cells.push_back(fixed(loss, 4));
        cells.push_back(std::to_string(layers[i].bits_at_3));
        cells.push_back(std::to_string(layers[i].bits_at_4));
        t.row(cells);
    }
    return t;
}

nlohmann::ordered_json to_json(const std::vector<result>& rows, const std::vector<layer_losses>& layers) {
    const auto rounded = [](double v, double unit) { return std::round(v / unit) * unit; };
    nlohmann::ordered_json out{{"rows", nlohmann::ordered_json::array()}, {"layers", nlohmann::ordered_json::array()}};
    for (const result& r : rows)
        out["rows"].push_back({{"network", r.network},
                               {"part", r.part},
                               {"method", r.method},
                               {"granularity", r.granularity},
                               {"bits", rounded(r.weight_bits, 0.01)},
                               {"activation_bits", r.activation_bits},
                               {"accuracy", rounded(r.accuracy, 0.01)},
                               {"lost", rounded(r.lost, 0.01)},
                               {"bytes", r.bytes},
                               {"seconds", rounded(r.seconds, 0.001)}});
    for (const layer_losses& l : layers)
        out["layers"].push_back({{"network", l.network},
                                 {"layer", l.layer},
                                 {"losses", l.losses},
                                 {"bits_at_3", l.bits_at_3},
                                 {"bits_at_4", l.bits_at_4}});
    return out;
}

/// Points lost by each method of one part; what is compared with is orange.
std::string lost_chart(const std::vector<result>& rows, const std::string& network, const std::string& part,
                       int activation_bits = 8) {
    std::vector<examples::bar_row> bars;
    for (const result& r : rows) {
        if (r.network != network || r.part != part || r.activation_bits != activation_bits) continue;
        bars.push_back({r.method, r.lost, fixed(r.lost, 2), bars.empty() ? 1u : 0u});
    }
    const std::string what = part == "activations" ? std::to_string(activation_bits) + "-bit activations" : part;
    return bars.empty() ? "" : examples::row_chart(network + ", " + what, bars);
}

/// Bits of each layer.
std::string bits_chart(const std::vector<layer_losses>& layers, const std::string& network, int average) {
    std::vector<examples::bar_row> bars;
    for (const layer_losses& l : layers) {
        if (l.network != network) continue;
        const int bits = average == 3 ? l.bits_at_3 : l.bits_at_4;
        bars.push_back({l.layer, static_cast<double>(bits), std::to_string(bits), 2});
    }
    return examples::row_chart(network + ", bits of each layer, " + std::to_string(average) + " on average", bars);
}

const result& find_row(const std::vector<result>& rows, const std::string& network, const std::string& part,
                       const std::string& method, int activation_bits = 8) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const result& r) {
        return r.network == network && r.part == part && r.method == method && r.activation_bits == activation_bits;
    });
    lowbit::check(found != rows.end(), "report: no row ", network, ", ", part, ", ", method);
    return *found;
}

/// The first network's story in four numbers.
void highlights(examples::report& page, const std::vector<result>& rows, const std::string& network) {
    const auto lost = [&](const std::string& part, const std::string& method, int activation_bits = 8) {
        return fixed(find_row(rows, network, part, method, activation_bits).lost, 2);
    };
    const auto against = [&](const std::string& part, const std::string& words, const std::string& method,
                             const std::string& start = "nearest", int activation_bits = 8) {
        return std::pair(lost(part, method, activation_bits), "points lost, " + words + " with " + method + "; " +
                                                                  lost(part, start, activation_bits) + " without");
    };
    const std::pair<std::string, std::string> numbers[] = {
        against("4 bits per tensor", "4-bit weights, one scale a layer,", "equalization + bias correction"),
        against("4 bits per channel", "4-bit weights", "GPTQ + bias correction"),
        against("3 bits on average", "3-bit weights", "mixed precision + GPTQ + bias correction", "uniform"),
        against("4-bit activations", "4-bit activations", "clip mse + SmoothQuant", "clip mse", 4)};
    page.paragraph("On the " + network + ", " + fixed(find_row(rows, network, "float32", "float32", 32).accuracy, 2) +
                   " % in float32:");
    page.highlights(numbers);
}

std::string make_report(const std::vector<result>& rows, const std::vector<layer_losses>& layers,
                        const std::vector<std::string>& networks) {
    examples::report page(
        "Post-training quantization",
        "Two trained networks for handwritten digits, quantized after training with 512 images and no labels, and run "
        "with integers only. What each method costs, and what it wins back.");
    highlights(page, rows, networks.front());
    const auto figure = [&](const std::string& part, int activation_bits, const std::string& caption) {
        std::string charts;
        for (const std::string& network : networks) charts += lost_chart(rows, network, part, activation_bits);
        page.figure(charts, caption);
    };
    page.heading("Weights in few bits");
    page.paragraph(
        "Points of accuracy lost against float32; activations at 8 bits. Orange: every weight to the nearest code.");
    figure(
        "4 bits per tensor", 8,
        "One scale must hold all channels of a layer. Equalization evens them out without changing the function; bias "
        "correction takes back the shift of the mean that rounding leaves.");
    figure(
        "4 bits per channel", 8,
        "GPTQ lets later weights make up for earlier ones; AdaRound learns which way to round; AWQ gives finer steps "
        "to weights that large activations meet; HQQ fits zero points.");
    figure("3 bits per channel", 8, "The same with half as many codes.");
    page.heading("Activations in few bits");
    figure("activations", 8, "How the range of each activation is chosen; weights int8 per channel.");
    figure("activations", 4, "The same at 4 bits. Orange: the extremes seen.");
    figure("4-bit activations", 4,
           "SmoothQuant moves outliers of activations into the weights; a Hadamard rotation, in integers, spreads them "
           "over the channels.");
    if (std::any_of(rows.begin(), rows.end(), [](const result& r) { return r.part == "uneven channels"; })) {
        page.heading("A network with uneven channels");
        page.figure(lost_chart(rows, "mobilenet", "uneven channels"),
                    "The mobilenet with channels rescaled by factors of 1 to 100, its function unchanged; int8 weights "
                    "per tensor. Equalization restores what training may leave behind like this.");
    }
    page.heading("Mixed precision");
    page.paragraph(
        "Each layer alone at each width, all else in float: the mean squared change of the outputs. From these losses "
        "an exact knapsack gives each layer its bits, within the size of uniform 3 and 4 bits.");
    for (const int average : {3, 4}) {
        figure(std::to_string(average) + " bits on average", 8, "");
        std::string charts;
        for (const std::string& network : networks) charts += bits_chart(layers, network, average);
        page.figure(charts, "");
    }
    page.add(layer_table(layers));
    page.heading("All rows");
    page.add(result_table(rows));
    return page.html();
}

}  // namespace

int main(int argc, char** argv) try {
    std::vector<std::string> networks(argv + 1, argv + argc);
    if (networks.empty()) networks = {"mobilenet", "lenet"};
    const setting s;
    std::vector<result> rows;
    std::vector<layer_losses> layers;
    for (const std::string& name : networks) experiment(s, name, rows, layers).run();

    std::fputs(result_table(rows).text().c_str(), stdout);
    std::puts(
        "\nWhat each layer loses alone at each width (mean squared change of the outputs), and the bits that mixed "
        "precision gave it:\n");
    std::fputs(layer_table(layers).text().c_str(), stdout);
    const auto folder = examples::report_folder();
    examples::write_text(folder / "ptq.json", to_json(rows, layers).dump(1) + "\n");
    examples::write_text(folder / "ptq.html", make_report(rows, layers, networks));
    std::printf("\nReport: %s\n", (folder / "ptq.html").c_str());
} catch (const std::exception& e) {
    std::fprintf(stderr, "ptq: %s\n", e.what());
    return 1;
}
