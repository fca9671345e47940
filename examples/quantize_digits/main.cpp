// SPDX-License-Identifier: Apache-2.0
// The library's main job on real digits: three trained networks, stored in few bits in several ways, fine-tuned, and
// run with integers only.
//
//   quantize_digits [NETWORK …]      (default: all three)
//
// Prints two tables and writes build/report/quantize_digits.{json,html}. Calibration and every choice use training
// images only.
#include "results.hpp"

#include "common/codebook_training.hpp"
#include "common/networks.hpp"
#include "common/progress.hpp"
#include "common/setting.hpp"

#include <lowbit/model/float_run.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/size.hpp>
#include <lowbit/schemes/affine.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>

namespace {

using examples::centroid_rule;
using examples::digits;
using examples::setting;
using lowbit::tensor;

/// Runs the test images in two halves of 1,000; the faster half counts.
template <class Run>
void answer(result& r, const setting& s, Run&& run) {
    constexpr std::ptrdiff_t half = 1000;
    r.ms_per_1000 = 1e9;
    for (std::ptrdiff_t first = 0; first < s.test.shape()[0]; first += half) {
        const lowbit::tensor_view<const float> images(s.test.data() + first * digits::pixels,
                                                      {half, digits::side, digits::side, 1});
        const auto start = std::chrono::steady_clock::now();
        const tensor<float> scores = run(images);
        const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        r.ms_per_1000 = std::min(r.ms_per_1000, taken.count());
        const std::vector<int> answers = examples::predictions(scores.view());
        r.answers.insert(r.answers.end(), answers.begin(), answers.end());
    }
    r.accuracy = examples::accuracy(r.answers, s.data.test.labels);
}

void answer_in_float(result& r, const setting& s, const lowbit::graph& g) {
    answer(r, s, [&](const auto& images) { return lowbit::float_run(g, images, {}, s.threads); });
}

/// The rows of one network.
class experiment {
public:
    experiment(const setting& s, std::string_view name, findings& found)
        : s_(s),
          name_(name),
          found_(found),
          trained_(examples::trained_network(name, LOWBIT_EXAMPLE_DATA)),
          bar_(name_) {}

    void run() {
        float32();
        for (const int bits : {8, 4, 3, 2}) shared_weights(bits);
        for (const int bits : {8, 4, 3, 2})
            for (const bool by_channel : {false, true}) linear_weights(bits, by_channel);
        for (const bool by_channel : {false, true}) integers_only(by_channel);
        weight_spreads();
        bar_.finish("");
    }

private:
    void float32() {
        result r{.network = name_, .method = "float32"};
        answer_in_float(r, s_, trained_);
        r.bytes = size_.total();
        whole_ = r;
        examples::backprop network(trained_, s_.threads);
        held_out_ = accuracy(network, s_.data.choice);
        add(std::move(r));
    }

    /// K-means codebooks, before and after fine-tuning by both rules.
    void shared_weights(int bits) {
        const lowbit::kmeans_model shared(trained_, lowbit::kmeans{.bits = bits});
        lowbit::graph g = trained_;
        shared.apply(g);
        result r{.network = name_, .method = "kmeans", .bits = bits, .bytes = size_.others + shared.bytes()};
        answer_in_float(r, s_, g);
        add(r);
        for (const centroid_rule rule : {centroid_rule::gradient, centroid_rule::mean}) {
            lowbit::graph tuned = g;
            lowbit::kmeans_model learned = shared;
            result after = r;
            after.answers.clear();
            after.stage = rule == centroid_rule::gradient ? "qat-gradient" : "qat-mean";
            const auto [epochs, rate] = effort(bits);
            const examples::fine_tune_options options{.rule = rule,
                                                      .epochs = epochs,
                                                      .rate = rule == centroid_rule::gradient ? rate : 5 * rate,
                                                      .good_enough = held_out_};
            after.epochs = examples::fine_tune(
                tuned, learned, s_.data.train, s_.data.choice, options, s_.threads,
                [&](double done) { bar_.update(share_done(done), "fine-tuning " + std::to_string(bits) + " bits"); });
            answer_in_float(after, s_, tuned);
            if (bits == 2 && rule == centroid_rule::gradient)
                for (const std::string& layer : learned.layers())
                    tuned_levels_[layer].assign(learned.centroids(layer).begin(), learned.centroids(layer).end());
            add(std::move(after));
        }
    }

    /// The fewer the bits, the further the centroids have to go: epochs at most, and Adam's rate for them. (A mean
    /// moves by the average of its weights' steps, so that its rule takes a higher one.)
    static std::pair<double, float> effort(int bits) {
        return bits == 8   ? std::pair(1.0, 2e-4f)
               : bits == 4 ? std::pair(1.0, 1e-3f)
               : bits == 3 ? std::pair(2.0, 2e-3f)
                           : std::pair(4.0, 4e-3f);
    }

    void linear_weights(int bits, bool by_channel) {
        const lowbit::affine scheme{.bits = bits,
                                    .granularity = by_channel ? lowbit::per_channel(0) : lowbit::per_tensor()};
        result r{.network = name_,
                 .method = "linear-weights",
                 .bits = bits,
                 .granularity = by_channel ? "channel" : "tensor",
                 .bytes = size_.others};
        lowbit::graph g = trained_;
        for (int i = 0; i < g.size(); ++i) {
            lowbit::node& n = g[lowbit::edge{i}];
            if (!n.has_weights()) continue;
            const auto q = lowbit::quantize(n.weights, scheme);
            n.weights = lowbit::dequantize(q);
            r.bytes += q.bytes();
        }
        answer_in_float(r, s_, g);
        add(std::move(r));
    }

    void integers_only(bool by_channel) {
        const lowbit::affine scheme{.granularity = by_channel ? lowbit::per_channel(0) : lowbit::per_tensor()};
        const auto model = lowbit::quantize_model(trained_, s_.calibration, {.weights = scheme}, {}, s_.threads);
        result r{.network = name_,
                 .method = "int8-integer-only",
                 .bits = 8,
                 .granularity = by_channel ? "channel" : "tensor"};
        answer(r, s_, [&](const auto& images) { return model.network.run(images, s_.threads); });
        r.bytes = lowbit::size_of(model.network.quantized()).total();
        for (const lowbit::layer_report& layer : lowbit::report_layers(model.network, s_.test, s_.threads)) {
            found_.layers.push_back({name_, r.granularity, layer.name, layer.kind, layer.output_sqnr_db,
                                     layer.largest_difference, 100 * layer.difference_rate});
        }
        add(std::move(r));
    }

    /// Every layer's weights and codebooks, for the histograms.
    void weight_spreads() {
        for (const lowbit::node& n : trained_.nodes()) {
            if (!n.has_weights()) continue;
            found_.spreads.push_back({name_,
                                      n.name,
                                      {n.weights.begin(), n.weights.end()},
                                      lowbit::kmeans_codebook(n.weights, 16).centroids,
                                      lowbit::kmeans_codebook(n.weights, 4).centroids,
                                      tuned_levels_[n.name]});
        }
    }

    void add(result r) {
        r.lost = whole_.accuracy - r.accuracy;
        r.ratio = static_cast<double>(whole_.bytes) / static_cast<double>(r.bytes);
        found_.rows.push_back(std::move(r));
        bar_.update(share_done(0), "");
        ++done_;
    }

    /// Of the 23 rows, the fine-tuned ones take nearly all the time.
    double share_done(double of_this) const { return (static_cast<double>(done_) + of_this) / 23; }

    const setting& s_;
    std::string name_;
    findings& found_;
    lowbit::graph trained_;
    lowbit::model_size size_ =
        lowbit::size_of(trained_);  // biases and batch norms are stored in float32 with any weights
    examples::progress bar_;
    result whole_{};
    double held_out_ = 0;
    int done_ = 0;
    std::map<std::string, std::vector<float>> tuned_levels_{};
};

}  // namespace

int main(int argc, char** argv) try {
    std::vector<std::string_view> networks(argv + 1, argv + argc);
    if (networks.empty()) networks.assign(std::begin(examples::network_names), std::end(examples::network_names));
    const setting s;
    findings found;
    for (const std::string_view name : networks) experiment(s, name, found).run();

    std::fputs(result_table(found.rows).text().c_str(), stdout);
    std::puts(
        "\nThe integer runs, layer by layer: SQNR against float, and the difference in codes from fake quantization "
        "in\n"
        "float on the same input codes.\n");
    std::fputs(layer_table(found.layers).text().c_str(), stdout);
    const auto folder = examples::report_folder();
    const std::string threads = std::to_string(s.threads.concurrency());
    examples::write_text(folder / "quantize_digits.json", to_json(found).dump(1) + "\n");
    examples::write_text(folder / "quantize_digits.html",
                         make_report(found, s.data.test, "on " + threads + " threads"));
    std::printf("\nReport: %s\n", (folder / "quantize_digits.html").c_str());
} catch (const std::exception& e) {
    std::fprintf(stderr, "quantize_digits: %s\n", e.what());
    return 1;
}
