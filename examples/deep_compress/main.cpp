// SPDX-License-Identifier: Apache-2.0
// Deep compression (Han et al. 2016) of the bundled networks: prune, fine-tune, share weights by k-means, fine-tune,
// entropy-code. What is written is read back, and the numbers of the last row come from the file.
//
//   deep_compress [NETWORK …]               (default: all three)
//   deep_compress --choose [NETWORK …]      how the settings below were chosen
//
// Prints a table and writes build/report/deep_compress.{json,html} and build/report/<network>.lowbit. Training and
// fine-tuning see training images only, and learn from the answers of the float32 network as well as from the labels.
// How much is kept was chosen on the images held out of them (--choose), and so were the rates, the pace of pruning and
// what the answers weigh; epochs are older than that rule: they were settled while looking at test accuracy.
#include "common/networks.hpp"
#include "common/progress.hpp"
#include "common/report.hpp"
#include "common/training.hpp"

#include <lowbit/core/pools.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/size.hpp>
#include <lowbit/refine/prune.hpp>
#include <lowbit/schemes/kmeans.hpp>
#include <lowbit/storage/archive.hpp>
#include <lowbit/storage/mapped_file.hpp>
#include <lowbit/train/kmeans.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace {

using examples::digits;
using lowbit::tensor;

/// A row of the table.
struct stage {
    std::string network, name;
    double accuracy = 0, lost = 0;  ///< percent, points
    std::ptrdiff_t bytes = 0;
    double ratio = 1;
    double sparsity = 0;
};

/// Share of all weights that stays to the end. lenet: of those tried by --choose the one of least loss whose file is at
/// least 22 times smaller than float32; the others: files at least 5.4 and 9 times smaller.
double chosen_share(std::string_view network) {
    return network == "lenet" ? 0.138 : network == "mobilenet" ? 0.455 : 0.285;
}

/// A layer whose weights share centroids; the first is 0 and stays so.
struct shared_layer {
    lowbit::kmeans_tensor quantized{};
    tensor<std::int32_t> labels{};
    tensor<float> centroids{}, gradient{};
};

/// The mean cross-entropy of a network's answers to images, each varied eight times: a finer measure than the share of
/// right answers where images are few.
double varied_loss(examples::backprop& network, const digits& data) {
    constexpr std::ptrdiff_t batch = 250;
    examples::batch_source source(data, batch, {}, 1);
    tensor<float> unused({batch, digits::classes});
    double loss = 0;
    const std::ptrdiff_t batches = 8 * source.batches();
    for (std::ptrdiff_t b = 0; b < batches; ++b) {
        const std::vector<int>& labels = source.next(network.input(batch));
        loss +=
            examples::cross_entropy(network.forward(examples::pass::inference), std::span<const int>(labels), unused);
    }
    return loss / double(batches);
}

class compression {
public:
    /// Trains on the first images, takes accuracies on the second; adds rows.
    compression(std::string_view name, double kept_share, const digits& train, const digits& judged,
                const lowbit::executor& threads, std::vector<stage>& rows)
        : name_(name),
          kept_share_(kept_share),
          train_(train),
          judged_(judged),
          threads_(threads),
          rows_(rows),
          network_(lowbit::fold_batch_norms(examples::trained_network(name, LOWBIT_EXAMPLE_DATA))),
          original_(network_),
          teacher_(original_, threads),
          bar_(name_ + ": prune and fine-tune") {}

    void run() {
        network_.for_each_parameter([&](const std::string& key, const tensor<float>& values) {
            float32_ += 4 * values.size();
            if (!key.ends_with(".weights")) others_ += 4 * values.size();
        });
        add("float32", float32_, 0);
        prune();
        share();
        write();
    }

    /// See varied_loss: of the network as it is now, on the images that it is judged by.
    double loss() {
        examples::backprop network(network_, threads_);
        return varied_loss(network, judged_);
    }

private:
    /// More and more weights are pruned while the others learn (Zhu and Gupta 2017, "To prune, or not to prune": what
    /// is left falls with the cube of the time left); then those that are left learn on.
    void prune() {
        examples::backprop gradients(network_, threads_);
        examples::adam optimizer;
        double sparsity = 0;
        choose_masks(sparsity);
        train(gradients, 24, 0, 24 / 38.0, 4e-3f, [&](double progress, float rate) {
            optimizer.step(gradients.parameters(), rate);
            const double time_left = std::max(0.0, 1 - progress / 0.6);
            const double wanted = (1 - kept_share_) * (1 - std::pow(time_left, 3));
            if (wanted > sparsity + 0.002 || (time_left == 0 && wanted > sparsity)) choose_masks(sparsity = wanted);
            for (lowbit::node& n : layers()) lowbit::apply_mask(masks_[n.name], n.weights);
        });
        // What is left as float32, with relative indices of 5 bits.
        std::ptrdiff_t bytes = others_;
        for (const lowbit::node& n : layers()) bytes += index_bytes(masks_[n.name]) + 4 * kept(masks_[n.name]);
        add("pruned", bytes, pruned_share());
    }

    /// Masks that prune a share of all weights. A weight's score is its square over the sum of those in its layer that
    /// are no smaller (Lee et al. 2021, "Layer-adaptive Sparsity for the Magnitude-based Pruning"): no layer dies out,
    /// and those with weights to spare lose most.
    void choose_masks(double sparsity) {
        std::vector<tensor<float>> scores;
        for (const lowbit::node& n : layers()) {
            std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n.weights.size()));
            std::iota(order.begin(), order.end(), std::ptrdiff_t{0});
            const auto square = [&w = n.weights](std::ptrdiff_t i) { return double(w[i]) * double(w[i]); };
            std::sort(order.begin(), order.end(), [&](auto a, auto b) { return square(a) > square(b); });
            scores.emplace_back(n.weights.shape());
            double sum = 0;
            for (const std::ptrdiff_t i : order) {
                sum += square(i);
                scores.back()[i] = sum == 0 ? 0.0f : float(square(i) / sum);
            }
        }
        const std::vector<lowbit::tensor_view<const float>> views(scores.begin(), scores.end());
        std::vector<lowbit::prune_mask> masks = lowbit::global_magnitude_masks(views, sparsity);
        auto mask = masks.begin();
        for (const lowbit::node& n : layers()) masks_[n.name] = std::move(*mask++);
    }

    /// The weights that are left share 15 centroids (31 for the first layer's few); these learn.
    void share() {
        for (lowbit::node& n : layers()) {
            std::vector<float> left;
            for (const float w : n.weights)
                if (w != 0) left.push_back(w);
            lowbit::codebook book = lowbit::kmeans_codebook(left, n.weights.size() < 200 ? 31 : 15);
            book.centroids.insert(book.centroids.begin(), 0.0f);
            shared_layer& layer = shared_[n.name];
            layer.quantized = lowbit::quantize(n.weights, book);
            layer.labels = layer.quantized.codes();
            layer.centroids = tensor<float>({book.size()}, book.centroids);
            n.weights = lowbit::dequantize(layer.quantized);
        }
        add("k-means", shared_bytes(), pruned_share());

        examples::backprop gradients(network_, threads_);
        std::map<std::string, const tensor<float>*> weight_gradients;
        std::vector<examples::parameter> learned;
        for (const examples::parameter& p : gradients.parameters()) {
            if (p.name.ends_with(".weights")) {
                const std::string layer = p.name.substr(0, p.name.size() - 8);
                weight_gradients[layer] = p.gradient;
                learned.push_back({layer, &shared_.at(layer).centroids, &shared_.at(layer).gradient});
            } else {
                learned.push_back(p);
            }
        }
        examples::adam optimizer;
        train(gradients, 14, 24 / 38.0, 14 / 38.0, 5e-4f, [&](double, float rate) {
            for (auto& [name, layer] : shared_) {
                layer.gradient =
                    lowbit::centroid_gradients(*weight_gradients[name], layer.labels, layer.centroids.size());
                layer.gradient[0] = 0;
            }
            optimizer.step(learned, rate);
            apply_centroids();
        });
        bar_.finish("");
        add("k-means, fine-tuned", shared_bytes(), pruned_share());
    }

    /// The file, and the network that it holds.
    void write() {
        lowbit::archive_writer writer;
        for (const auto& [name, layer] : shared_) {
            const auto& q = layer.quantized;
            lowbit::codebook book{{layer.centroids.begin(), layer.centroids.end()}};
            writer.add(name + ".weights", lowbit::kmeans_tensor(q.scheme(), q.shape(), q.packed(), {book}),
                       lowbit::coding::smallest);
        }
        network_.for_each_parameter([&](const std::string& key, const tensor<float>& values) {
            if (!key.ends_with(".weights")) writer.add(key, values.view());
        });
        const std::string path = (examples::report_folder() / (name_ + ".lowbit")).string();
        std::filesystem::create_directories(examples::report_folder());
        writer.write(path);

        const lowbit::mapped_file file(path);
        const lowbit::archive archive(file.bytes());
        network_ = lowbit::fold_batch_norms(examples::make_network(name_, 99));
        network_.for_each_parameter([&](const std::string& key, tensor<float>& values) {
            tensor<float> stored = archive.read_float(key);
            lowbit::check(stored.shape() == values.shape(), path, ": ", key, " has the shape ",
                          to_string(stored.shape()));
            values = std::move(stored);
        });
        add("Huffman, from the file", std::ssize(file.bytes()), pruned_share());
    }

    /// Trains for some epochs; `step(progress, rate)` takes a step.
    template <class Step>
    void train(examples::backprop& gradients, int epochs, double done, double share, float rate, Step step) {
        examples::batch_source source(train_, 64, {}, 7);
        const std::ptrdiff_t steps = source.batches() * epochs;
        for (std::ptrdiff_t i = 0; i < steps; ++i) {
            const std::vector<int>& labels = source.next(gradients.input(64));
            teacher_.input(64) = gradients.input(64);
            gradients.forward(examples::pass::training);
            gradients.backward(labels, {&teacher_.forward(examples::pass::inference)});
            const double progress = double(i) / double(steps);
            step(progress, examples::cosine_rate(rate, progress, 0.05));
            bar_.update(done + share * progress);
        }
    }

    void apply_centroids() {
        for (lowbit::node& n : layers()) {
            const shared_layer& layer = shared_.at(n.name);
            for (std::ptrdiff_t i = 0; i < n.weights.size(); ++i) n.weights[i] = layer.centroids[layer.labels[i]];
        }
    }

    /// Labels of what is left and their indices, packed, and the codebooks.
    std::ptrdiff_t shared_bytes() {
        std::ptrdiff_t bytes = others_;
        for (auto& [name, layer] : shared_) {
            lowbit::prune_mask mask(layer.labels.shape());
            for (std::ptrdiff_t i = 0; i < mask.size(); ++i) mask[i] = layer.labels[i] != 0;
            bytes += index_bytes(mask) + lowbit::packed_bytes(kept(mask), layer.quantized.scheme().bits) +
                     4 * layer.centroids.size();
        }
        return bytes;
    }

    static std::ptrdiff_t index_bytes(const lowbit::prune_mask& mask) {
        return lowbit::packed_bytes(std::ssize(lowbit::relative_gaps<std::uint8_t>(mask.span(), 0, 5)), 5);
    }
    static std::ptrdiff_t kept(const lowbit::prune_mask& mask) {
        return std::count(mask.begin(), mask.end(), std::uint8_t{1});
    }

    double pruned_share() {
        double zeros = 0, all = 0;
        for (const lowbit::node& n : layers()) {
            zeros += double(std::count(n.weights.begin(), n.weights.end(), 0.0f));
            all += double(n.weights.size());
        }
        return zeros / all;
    }

    std::vector<std::reference_wrapper<lowbit::node>> layers() {
        std::vector<std::reference_wrapper<lowbit::node>> found;
        for (const lowbit::node& n : std::as_const(network_).nodes())
            if (n.has_weights()) found.push_back(network_.at(n.name));
        return found;
    }

    void add(const std::string& what, std::ptrdiff_t bytes, double sparsity) {
        examples::backprop network(network_, threads_);
        const double accuracy = examples::accuracy(network, judged_);
        const double whole = rows_.empty() || rows_.back().network != name_ ? accuracy : whole_;
        whole_ = whole;
        rows_.push_back({name_, what, accuracy, whole - accuracy, bytes, double(float32_) / double(bytes), sparsity});
    }

    std::string name_;
    double kept_share_;
    const digits& train_;
    const digits& judged_;
    lowbit::executor threads_;
    std::vector<stage>& rows_;
    lowbit::graph network_, original_;
    examples::backprop teacher_;  // the float32 network
    examples::progress bar_;
    std::map<std::string, lowbit::prune_mask> masks_;
    std::map<std::string, shared_layer> shared_;
    std::ptrdiff_t float32_ = 0, others_ = 0;  // bytes of everything; of what is not weights
    double whole_ = 0;
};

/// The last row of each share, on the held-out images.
void choose(const std::vector<std::string_view>& names, const examples::digit_parts& data,
            const lowbit::executor& threads) {
    examples::table t({{"network"},
                       {"kept", true},
                       {"held out", true},
                       {"lost", true},
                       {"loss, varied", true},
                       {"bytes", true},
                       {"times smaller", true}});
    for (const std::string_view name : names) {
        const double about = chosen_share(name);
        for (const double share : {0.85 * about, about, 1.15 * about}) {
            std::vector<stage> rows;
            compression compressed(name, share, data.train, data.choice, threads, rows);
            compressed.run();
            const stage& s = rows.back();
            t.row({s.network, examples::fixed(share, 3), examples::fixed(s.accuracy, 2), examples::fixed(s.lost, 2),
                   examples::fixed(compressed.loss(), 4), examples::grouped(s.bytes), examples::fixed(s.ratio, 1)});
        }
    }
    std::fputs(t.text().c_str(), stdout);
}

void report(const std::vector<stage>& rows) {
    examples::table t({{"network"},
                       {"stage"},
                       {"accuracy", true},
                       {"lost", true},
                       {"zeros", true},
                       {"bytes", true},
                       {"times smaller", true}});
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    std::vector<std::string> labels;
    std::vector<examples::series> bars;
    for (const stage& s : rows) {
        const bool first = s.name == "float32";
        if (first && &s != &rows.front()) t.rule();
        t.row({s.network, s.name, examples::fixed(s.accuracy, 2), first ? "" : examples::fixed(s.lost, 2),
               examples::fixed(100 * s.sparsity, 1) + " %", examples::grouped(s.bytes), examples::fixed(s.ratio, 1)});
        json.push_back({{"network", s.network},
                        {"stage", s.name},
                        {"accuracy", s.accuracy},
                        {"lost", s.lost},
                        {"sparsity", s.sparsity},
                        {"bytes", s.bytes},
                        {"ratio", s.ratio}});
        if (first) bars.push_back({.name = s.network, .number = bars.size()});
        const double place = double(bars.back().points.size());
        bars.back().points.push_back({place, s.ratio});
        if (bars.size() == 1) labels.push_back(s.name);
    }
    std::fputs(t.text().c_str(), stdout);

    const std::string chart = examples::bar_chart("How many times smaller than float32", "times", labels, bars);
    examples::report page("Deep compression",
                          "Pruned, shared, entropy-coded: three small networks, stage by stage, the last "
                          "one read back from its file.");
    page.add(t);
    page.figure(chart + examples::bar_legend(bars), "Indices take 5 bits until the Huffman stage, labels 4 or 5.");
    examples::write_text(examples::report_folder() / "deep_compress.html", page.html());
    examples::write_text(examples::report_folder() / "deep_compress.json",
                         nlohmann::ordered_json{{"rows", json}}.dump(1) + "\n");
    std::puts("\nbuild/report/deep_compress.{html,json}, build/report/<network>.lowbit");
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const examples::digit_parts data(LOWBIT_EXAMPLE_DATA "/digits");
        lowbit::thread_pool pool;
        const bool choosing = count > 1 && std::string_view(arguments[1]) == "--choose";
        std::vector<std::string_view> names(arguments + (choosing ? 2 : 1), arguments + count);
        if (names.empty()) names.assign(std::begin(examples::network_names), std::end(examples::network_names));
        if (choosing) {
            choose(names, data, pool);
            return 0;
        }
        std::vector<stage> rows;
        for (const std::string_view name : names)
            compression(name, chosen_share(name), data.train, data.test, pool, rows).run();
        report(rows);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "deep_compress: %s\n", e.what());
        return 1;
    }
}
