// SPDX-License-Identifier: Apache-2.0
// Quantization-aware training: networks that lose their wits in few bits are trained with the rounding in place, and
// the integer network that comes out is the one that was simulated.
//
//   qat [--full] [NETWORK …]      (default: a telling part of the rows, for lenet and mobilenet)
//
// Prints a table and writes build/report/qat.{json,html}. Choices use training images only.
#include "simulated.hpp"

#include "common/codebook_training.hpp"
#include "common/networks.hpp"
#include "common/progress.hpp"
#include "common/report.hpp"
#include "common/setting.hpp"

#include <lowbit/model/fold.hpp>
#include <lowbit/model/simulate.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <string_view>

namespace {

using examples::fixed;
using examples::setting;
using lowbit::tensor;

/// One row: what is stored in how many bits, and how it is trained.
struct plan {
    std::string_view method;  // minmax, lsq, kmeans
    int weight_bits, activation_bits;
    bool by_channel;
    double epochs;
    bool quick;  // part of the default run
};

/// First and last layer at 8 bits where the weights have 2; images and scores always.
constexpr plan plans[] = {
    {"minmax", 8, 8, false, 1, true},  {"minmax", 8, 8, true, 1, false},   {"lsq", 8, 8, false, 1, false},
    {"lsq", 8, 8, true, 1, false},     {"minmax", 4, 8, false, 2, true},   {"minmax", 4, 8, true, 2, false},
    {"lsq", 4, 8, false, 2, false},    {"lsq", 4, 8, true, 2, false},      {"minmax", 4, 4, false, 4, true},
    {"minmax", 4, 4, true, 4, true},   {"lsq", 4, 4, false, 12, true},     {"lsq", 4, 4, true, 12, true},
    {"minmax", 3, 3, false, 6, false}, {"minmax", 3, 3, true, 6, false},   {"lsq", 3, 3, false, 12, false},
    {"lsq", 3, 3, true, 12, true},     {"minmax", 2, 2, false, 10, false}, {"minmax", 2, 2, true, 12, false},
    {"lsq", 2, 2, false, 24, false},   {"lsq", 2, 2, true, 24, true},      {"kmeans", 4, 32, false, 1, false},
    {"kmeans", 2, 32, false, 4, true},
};

struct row {
    std::string network;
    plan what;
    double before = 0, after = 0, lost = 0;  // percent of the test images; points below float32
    std::ptrdiff_t steps = 0;
    std::ptrdiff_t differing = 0, codes = 0;  // integer run against the exact simulation, all layers, all test images
    double float_rate = 0;                    // percent of codes that float simulation has otherwise
    int float_largest = 0;
    std::vector<std::array<double, 2>> loss{}, accuracy{};  // by step; of the held-out images

    std::string bits() const { return std::to_string(what.weight_bits) + "/" + std::to_string(what.activation_bits); }
    std::string granularity() const { return what.by_channel ? "channel" : "tensor"; }
};

class experiment {
public:
    experiment(const setting& s, std::string_view name)
        : s_(s),
          name_(name),
          trained_(examples::trained_network(name, LOWBIT_EXAMPLE_DATA)),
          folded_(lowbit::fold_batch_norms(trained_)),
          even_(lowbit::prepare_graph(trained_, s.calibration, {.equalize = true}, s.threads)) {
        make_gammas_positive();
        examples::backprop network(trained_, s.threads);
        whole_ = accuracy(network, s.data.test);
    }

    double whole() const { return whole_; }

    row run(const plan& p) {
        row r{.network = name_, .what = p};
        examples::progress bar(name_ + " " + std::string(p.method) + " " + r.bits() + " " + r.granularity());
        p.method == "kmeans" ? shared_weights(r, bar) : linear(r, bar);
        r.lost = whole_ - r.after;
        bar.finish(fixed(r.before, 2) + " % -> " + fixed(r.after, 2) + " %");
        return r;
    }

private:
    /// γ·(w∗x) = (−γ)·(−w∗x): a scale with γ folded in stays a scale.
    void make_gammas_positive() {
        for (int i = 0; i < trained_.size(); ++i) {
            lowbit::node& n = trained_[lowbit::edge{i}];
            if (n.kind != lowbit::op::batch_norm) continue;
            lowbit::tensor<float>& weights = trained_[n.inputs[0]].weights;
            const std::ptrdiff_t depth = weights.size() / n.norm.gamma.size();
            for (std::ptrdiff_t c = 0; c < n.norm.gamma.size(); ++c) {
                if (n.norm.gamma[c] >= 0) continue;
                n.norm.gamma[c] = -n.norm.gamma[c];
                n.norm.mean[c] = -n.norm.mean[c];
                for (std::ptrdiff_t k = c * depth; k < (c + 1) * depth; ++k) weights[k] = -weights[k];
            }
        }
    }

    /// What the integer network is asked for; images and scores keep 8 bits.
    lowbit::recipe recipe_for(const plan& p) const {
        const auto codes = p.weight_bits == 2 ? lowbit::affine_codes::full : lowbit::affine_codes::standard;
        lowbit::recipe recipe{
            .weights = lowbit::affine{.bits = p.weight_bits,
                                      .granularity = p.by_channel ? lowbit::per_channel(0) : lowbit::per_tensor(),
                                      .codes = codes},
            .activations = {.bits = p.activation_bits, .symmetric = false},
            .first_and_last_at_8_bits = p.weight_bits == 2};
        const lowbit::affine whole{.bits = 8, .symmetric = false};
        for (const lowbit::node& n : folded_.nodes())
            if (n.kind == lowbit::op::input || n.kind == lowbit::op::output) recipe.layers[n.name].activations = whole;
        return recipe;
    }

    void linear(row& r, examples::progress& bar) {
        const lowbit::recipe recipe = recipe_for(r.what);
        const auto start = lowbit::quantize_graph(folded_, s_.calibration, recipe, {}, s_.threads);
        r.before = s_.accuracy(lowbit::integer_network(start).run(s_.test, s_.threads));

        // With scales per channel batch norms train with the rest; the last third goes on with them folded, biases
        // rounded. With one scale per tensor training begins where its channels are even.
        const bool keeps_norms = r.what.by_channel && !trained_.all(lowbit::op::batch_norm).empty();
        examples::batch_source source(s_.data.train, 64, {}, 1);
        r.steps = static_cast<std::ptrdiff_t>(r.what.epochs * static_cast<double>(source.batches()));
        lowbit::graph network = keeps_norms ? trained_ : r.what.by_channel ? folded_ : even_;
        lowbit::recipe learned = recipe;
        if (keeps_norms) {
            learned = train(r, network, start, recipe, source, {0, r.steps * 2 / 3}, false, bar);
            network = lowbit::fold_batch_norms(network);
            const auto middle = lowbit::quantize_graph(network, s_.calibration, learned, {}, s_.threads);
            learned = train(r, network, middle, recipe, source, {r.steps * 2 / 3, r.steps}, true, bar);
        } else {
            const auto even = lowbit::quantize_graph(network, s_.calibration, recipe, {}, s_.threads);
            learned = train(r, network, even, recipe, source, {0, r.steps}, false, bar);
        }

        const auto model = lowbit::quantize_model(network, s_.calibration, learned, {}, s_.threads);
        r.after = s_.accuracy(model.network.run(s_.test, s_.threads));
        compare_with_simulation(r, model.network);
        for (const lowbit::layer_report& layer : model.layers) {
            r.float_rate = std::max(r.float_rate, 100 * layer.difference_rate);
            r.float_largest = std::max(r.float_largest, layer.largest_difference);
        }
    }

    /// The steps [first, last) of a row's training. Leaves the network as it was when the held-out images liked it
    /// best, and returns the recipe with the scales of that time.
    lowbit::recipe train(row& r, lowbit::graph& network, const lowbit::quantized_graph& start,
                         const lowbit::recipe& recipe, examples::batch_source& source,
                         std::pair<std::ptrdiff_t, std::ptrdiff_t> steps, bool resume, examples::progress& bar) const {
        simulated_quantization simulated(network, start, r.what.method == "lsq" ? scale_rule::lsq : scale_rule::minmax,
                                         (steps.second - steps.first) / 2, resume, s_.threads);
        examples::backprop gradients(network, s_.threads, &simulated);
        examples::adam weights, scales;
        const auto learned_scales = simulated.parameters();
        double loss_sum = 0, best = -1;
        std::pair<lowbit::graph, lowbit::recipe> best_state;
        for (std::ptrdiff_t step = steps.first; step < steps.second; ++step) {
            const std::vector<int>& labels = source.next(gradients.input(source.batch()));
            gradients.forward(examples::pass::training);
            loss_sum += gradients.backward(labels);
            const float rate = examples::cosine_rate(1.0f, static_cast<double>(step) / static_cast<double>(r.steps));
            weights.step(gradients.parameters(), 1e-3f * rate);
            scales.step(learned_scales, 5e-3f * rate);
            if ((step + 1) % 20 == 0) {
                r.loss.push_back({static_cast<double>(step + 1), loss_sum / 20});
                loss_sum = 0;
            }
            if ((step + 1) % (source.batches() / 2) == 0 || step + 1 == steps.second) {
                simulated.freeze(true);
                r.accuracy.push_back({static_cast<double>(step + 1), accuracy(gradients, s_.data.choice)});
                simulated.freeze(false);
                if (const double now = r.accuracy.back()[1]; now >= best) {
                    best = now;
                    best_state = {network, simulated.fixed(recipe)};
                }
            }
            bar.update(static_cast<double>(step + 1) / static_cast<double>(r.steps),
                       r.loss.empty() ? "" : "loss " + fixed(r.loss.back()[1], 3));
        }
        network = best_state.first;
        return best_state.second;
    }

    /// The integer run and the exact simulation, each freely from the images on: every code of every layer.
    void compare_with_simulation(row& r, const lowbit::integer_network& network) const {
        constexpr std::ptrdiff_t at_once = 50;
        const std::ptrdiff_t size = examples::digits::pixels;
        for (std::ptrdiff_t first = 0; first < s_.test.shape()[0]; first += at_once) {
            const lowbit::tensor_view<const float> images(s_.test.data() + first * size,
                                                          {at_once, examples::digits::side, examples::digits::side, 1});
            std::map<int, std::vector<std::int32_t>> run;
            const auto values = [](const lowbit::code_view& codes) {
                std::vector<std::int32_t> all;
                for (std::ptrdiff_t i = 0; i < codes.size(); ++i) all.push_back(codes[i]);
                return all;
            };
            network.run(images, s_.threads, [&](lowbit::edge e, const lowbit::node&, const lowbit::code_view& codes) {
                run[e.node] = values(codes);
            });
            lowbit::simulate<std::int8_t>(
                network.quantized(), images,
                [&](lowbit::edge e, const lowbit::node&, const lowbit::code_view& codes) {
                    const auto expected = values(codes);
                    const auto& found = run.at(e.node);
                    for (std::size_t i = 0; i < expected.size(); ++i) r.differing += expected[i] != found[i];
                    r.codes += std::ssize(expected);
                },
                s_.threads);
        }
    }

    void shared_weights(row& r, examples::progress& bar) {
        lowbit::graph network = trained_;
        lowbit::kmeans_model shared(network, lowbit::kmeans{.bits = r.what.weight_bits});
        shared.apply(network);
        const auto tested = [&] {
            examples::backprop run(network, s_.threads);
            return accuracy(run, s_.data.test);
        };
        r.before = tested();
        const examples::fine_tune_options options{.rule = examples::centroid_rule::mean,
                                                  .epochs = r.what.epochs,
                                                  .rate = r.what.weight_bits == 2 ? 2e-2f : 5e-3f};
        const double epochs = examples::fine_tune(network, shared, s_.data.train, s_.data.choice, options, s_.threads,
                                                  [&](double done) { bar.update(done); });
        r.steps = static_cast<std::ptrdiff_t>(epochs * static_cast<double>(s_.data.train.size() / options.batch));
        r.after = tested();
    }

    const setting& s_;
    std::string name_;
    lowbit::graph trained_, folded_, even_;  // even_: folded and equalized
    double whole_ = 0;
};

examples::table make_table(const std::vector<row>& rows) {
    examples::table t({{"network"},
                       {"method"},
                       {"weights/activations"},
                       {"granularity"},
                       {"before %", true},
                       {"after %", true},
                       {"lost", true},
                       {"steps", true},
                       {"codes apart", true},
                       {"of codes", true},
                       {"float apart %", true}});
    const row* last = nullptr;
    for (const row& r : rows) {
        if (last && last->network != r.network) t.rule();
        const bool integers = r.codes > 0;
        t.row({r.network, std::string(r.what.method), r.bits(), r.granularity(), fixed(r.before, 2), fixed(r.after, 2),
               fixed(r.lost, 2), examples::grouped(r.steps), integers ? examples::grouped(r.differing) : "",
               integers ? examples::grouped(r.codes) : "", integers ? fixed(r.float_rate, 3) : ""});
        last = &r;
    }
    return t;
}

nlohmann::ordered_json to_json(const std::vector<row>& rows) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    const auto rounded = [](double v) { return std::round(v * 1e4) / 1e4; };
    for (const row& r : rows)
        all.push_back({{"network", r.network},
                       {"method", r.what.method},
                       {"weight_bits", r.what.weight_bits},
                       {"activation_bits", r.what.activation_bits},
                       {"granularity", r.granularity()},
                       {"before", rounded(r.before)},
                       {"after", rounded(r.after)},
                       {"lost", rounded(r.lost)},
                       {"steps", r.steps},
                       {"differing_codes", r.differing},
                       {"compared_codes", r.codes},
                       {"float_simulation_differing_percent", rounded(r.float_rate)},
                       {"float_simulation_largest", r.float_largest}});
    return {{"rows", all}};
}

void curves(examples::report& page, const std::vector<row>& rows, const std::string& network) {
    std::vector<examples::series> losses, accuracies;
    double steps = 0, most = 0, lowest = 100, highest = 0;
    for (const row& r : rows) {
        if (r.network != network || r.loss.empty() || losses.size() == 6 || r.what.weight_bits == 8) continue;
        const std::string name = std::string(r.what.method) + " " + r.bits() + " per " + r.granularity();
        losses.push_back({.name = name, .number = losses.size(), .points = r.loss, .marks = false});
        accuracies.push_back({.name = name, .number = accuracies.size(), .points = r.accuracy});
        steps = std::max(steps, r.loss.back()[0]);
        for (const auto& p : r.loss) most = std::max(most, p[1]);
        for (const auto& p : r.accuracy) lowest = std::min(lowest, p[1]), highest = std::max(highest, p[1]);
    }
    if (losses.empty()) return;
    const examples::axis x = examples::round_axis("step", 0, steps);
    page.subheading(network);
    page.figure(examples::legend(accuracies) +
                    examples::line_chart("training loss", x,
                                         examples::round_axis("cross-entropy", 0, std::min(most, 1.5)), losses) +
                    examples::line_chart("accuracy on held-out images", x, examples::accuracy_axis(lowest, highest),
                                         accuracies),
                "Loss (mean of 20 steps) and accuracy of the simulated network while it trains.");
}

std::string make_report(const std::vector<row>& rows, const std::vector<std::pair<std::string, double>>& whole) {
    examples::report page(
        "Trained for few bits",
        "Quantization-aware training of the bundled networks: what rounding costs before, what is left of the "
        "loss after, and whether the integer network is the one that was simulated.");
    std::ptrdiff_t codes = 0, differing = 0;
    double worst4 = 0;
    for (const row& r : rows) {
        codes += r.codes;
        differing += r.differing;
        if (r.what.method == "lsq" && r.bits() == "4/4") worst4 = std::max(worst4, r.lost);
    }
    const std::pair<std::string, std::string> numbers[] = {
        {fixed(worst4, 2), "points lost at most at 4/4 bits with LSQ, either network, per tensor or channel"},
        {examples::grouped(differing), "codes in which an integer network differs from its exact simulation"},
        {examples::grouped(codes), "codes compared: every layer, every test image, every row"}};
    page.highlights(numbers);
    page.heading("Before and after");
    std::string float_words;
    for (const auto& [name, percent] : whole)
        float_words += (float_words.empty() ? "" : ", ") + name + " " + fixed(percent, 2) + " %";
    page.paragraph(
        "Accuracy on the test images, of the integer network (k-means: weights alone, in float). In float32: " +
        float_words +
        ". Batch norms train with the rest where weights have a scale per channel, the last third of the training with "
        "them folded; where weights have one scale per tensor, batch norms are folded and channels equalized first "
        "(\"before\" is without that). Images and scores keep 8 bits, and with 2-bit weights so do the first and "
        "the last layer.");
    page.add(make_table(rows));
    page.heading("While training");
    for (const auto& entry : whole) curves(page, rows, entry.first);
    return page.html();
}

}  // namespace

int main(int argc, char** argv) try {
    bool full = false;
    std::vector<std::string_view> networks;
    for (int i = 1; i < argc; ++i)
        std::string_view(argv[i]) == "--full" ? void(full = true) : networks.push_back(argv[i]);
    if (networks.empty()) networks = {"lenet", "mobilenet"};
    const setting s;
    std::vector<row> rows;
    std::vector<std::pair<std::string, double>> whole;
    for (const std::string_view name : networks) {
        experiment e(s, name);
        whole.emplace_back(name, e.whole());
        for (const plan& p : plans)
            if (full || p.quick) rows.push_back(e.run(p));
    }
    std::fputs(make_table(rows).text().c_str(), stdout);
    const auto folder = examples::report_folder();
    examples::write_text(folder / "qat.json", to_json(rows).dump(1) + "\n");
    examples::write_text(folder / "qat.html", make_report(rows, whole));
    std::printf("\nReport: %s\n", (folder / "qat.html").c_str());
} catch (const std::exception& e) {
    std::fprintf(stderr, "qat: %s\n", e.what());
    return 1;
}
