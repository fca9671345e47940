// SPDX-License-Identifier: Apache-2.0
// Trains the bundled networks on the digits and writes their weights.
//
//   train_digits [--out FOLDER] [NETWORK …]      (default: all three, into examples/data)
//
// The same seed gives the same bits each time on one machine. The 1,000 held-out training images are what the recipe
// below was chosen by; the test images are only reported.
#include "common/networks.hpp"
#include "common/progress.hpp"
#include "common/training.hpp"

#include <lowbit/core/pools.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct recipe {
    std::string_view network;
    examples::training_options options;
};

constexpr recipe recipes[] = {
    {"lenet", {.epochs = 80, .rate = 2e-3f, .decay = 0.1f}},
    {"mobilenet", {.epochs = 60, .rate = 6e-3f, .decay = 0.05f}},
    {"resnet", {.epochs = 50, .rate = 6e-3f, .decay = 0.05f}},
};

void train_network(const recipe& r, const examples::digit_parts& data, const std::string& out,
                   lowbit::thread_pool& threads) {
    const std::string name(r.network);
    lowbit::graph g = examples::make_network(name, r.options.seed);
    examples::backprop network(g, threads);
    examples::progress bar("train " + name);
    double mean_loss = 0;
    examples::train(network, data.train, r.options, [&](std::ptrdiff_t step, std::ptrdiff_t steps, double loss) {
        mean_loss += (loss - mean_loss) / static_cast<double>(std::min<std::ptrdiff_t>(step, 100));
        char note[40];
        std::snprintf(note, sizeof note, "loss %.4f", mean_loss);
        bar.update(static_cast<double>(step) / static_cast<double>(steps), note);
    });
    bar.finish("");
    std::ptrdiff_t parameters = 0;
    g.for_each_parameter([&](const std::string&, const lowbit::tensor<float>& values) { parameters += values.size(); });
    std::printf("%-10s %7td parameters, held-out %.2f %%, test %.2f %%\n", name.c_str(), parameters,
                accuracy(network, data.choice), accuracy(network, data.test));
    std::fflush(stdout);
    examples::save_parameters(g, out + "/" + name);
}

}  // namespace

int main(int argc, char** argv) try {
    std::string out = LOWBIT_EXAMPLE_DATA;
    std::vector<std::string_view> wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--out" && i + 1 < argc)
            out = argv[++i];
        else
            wanted.push_back(argument);
    }
    for (const std::string_view name : wanted) examples::make_network(name);
    const examples::digit_parts data(LOWBIT_EXAMPLE_DATA "/digits");
    lowbit::thread_pool threads;
    for (const recipe& r : recipes)
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), r.network) != wanted.end())
            train_network(r, data, out, threads);
} catch (const std::exception& e) {
    std::fprintf(stderr, "train_digits: %s\n", e.what());
    return 1;
}
