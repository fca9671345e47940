// SPDX-License-Identifier: Apache-2.0
// A network trained by libtorch, fine-tuned with lowbit's fake quantization in its autograd (2-bit weights and 4-bit
// activations in the hidden layer, scales learned), and run by lowbit with integers only. Prints (libtorch 1.13):
//
//   float32                                  91.75 %
//   2-bit weights, 4-bit activations         90.50 %
//   the same, fine-tuned with learned scales 92.55 %
//   run with integers only                   92.60 %
#include "lowbit_autograd.hpp"

#include "common/digits.hpp"

#include <lowbit/lowbit.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using lowbit_torch::learned_step;
using lowbit_torch::view;

constexpr std::int64_t hidden = 64, weight_bits = 2, activation_bits = 4;

struct network : torch::nn::Module {
    torch::nn::Linear first = register_module("first", torch::nn::Linear(784, hidden));
    torch::nn::Linear second = register_module("second", torch::nn::Linear(hidden, 10));
    torch::Tensor weight_scale{}, activation_scale{};  // undefined: float
    bool quantized = false;

    torch::Tensor forward(const torch::Tensor& x) {
        const torch::Tensor w =
            quantized ? learned_step::apply(first->weight, weight_scale, weight_bits, true) : first->weight;
        torch::Tensor h = torch::relu(torch::linear(x, w, first->bias));
        if (quantized) h = learned_step::apply(h, activation_scale, activation_bits, false);
        return second(h);
    }

    /// Scales to start with, from the weights and from the activations that these images cause.
    void quantize(const torch::Tensor& x) {
        const auto start = [this](const char* name, const torch::Tensor& t, const lowbit::affine& scheme) {
            const auto params = lowbit::lsq_start(view(t), scheme);
            torch::Tensor scale = torch::empty(static_cast<std::int64_t>(params.size()));
            for (std::size_t i = 0; i < params.size(); ++i)
                view(scale)[static_cast<std::ptrdiff_t>(i)] = params[i].scale;
            return register_parameter(name, scale);
        };
        const torch::NoGradGuard guard;
        const torch::Tensor h = torch::relu(first(x));
        weight_scale =
            start("weight_scale", first->weight, {.bits = weight_bits, .granularity = lowbit::per_channel(0)});
        activation_scale = start("activation_scale", h, {.bits = activation_bits, .is_signed = false});
        quantized = true;
    }
};

struct data {
    torch::Tensor images, labels;

    explicit data(const examples::digits& from) {
        const auto pixels = examples::to_float(from);
        images = torch::empty({from.size(), 784});
        std::copy(pixels.begin(), pixels.end(), view(images).begin());
        labels = torch::tensor(std::vector<std::int64_t>(from.labels.begin(), from.labels.end()));
    }
};

double percent_right(const torch::Tensor& scores, const torch::Tensor& labels) {
    return 100 * scores.argmax(1).eq(labels).to(torch::kDouble).mean().item<double>();
}

double accuracy(network& net, const data& test) {
    const torch::NoGradGuard guard;
    return percent_right(net.forward(test.images), test.labels);
}

void train(network& net, const data& d, int epochs, double rate) {
    torch::optim::Adam optimizer(net.parameters(), torch::optim::AdamOptions(rate));
    for (int epoch = 0; epoch < epochs; ++epoch) {
        const auto order = torch::randperm(d.labels.size(0)).split(100);
        for (const torch::Tensor& batch : order) {
            optimizer.zero_grad();
            torch::nn::functional::cross_entropy(net.forward(d.images.index_select(0, batch)),
                                                 d.labels.index_select(0, batch))
                .backward();
            optimizer.step();
        }
    }
}

/// The trained network with its learned scales, in integers.
lowbit::quantized_model to_integers(const network& net, const data& calibration) {
    const auto owned = [](const torch::Tensor& t) { return lowbit::tensor<float>(view(t.detach().contiguous())); };
    lowbit::graph g;
    auto x = g.input({1, 784}, "image");
    x = g.relu(g.linear(x, {.weights = owned(net.first->weight), .bias = owned(net.first->bias)}, "first"), "hidden");
    g.output(g.linear(x, {.weights = owned(net.second->weight), .bias = owned(net.second->bias)}, "second"));

    const lowbit::affine weights{.bits = weight_bits, .granularity = lowbit::per_channel(0)};
    const lowbit::affine activations{.bits = activation_bits, .symmetric = false};
    lowbit::recipe r;
    r.layers["image"].activation_params = lowbit::affine_params{1.0f / 255, -128};
    r.layers["first"].weights = weights;
    r.layers["first"].weight_params = lowbit_torch::params(net.weight_scale, weights);
    r.layers["hidden"].activations = activations;
    // Learned as unsigned codes from 0 on; stored as signed ones from the lowest on.
    r.layers["hidden"].activation_params =
        lowbit::affine_params{lowbit_torch::params(net.activation_scale, activations)[0].scale, activations.lowest()};
    const auto batch = owned(calibration.images.slice(0, 0, 500));
    return lowbit::quantize_model(g, {&batch, 1}, r);
}

}  // namespace

int main() {
    torch::manual_seed(1);
    const examples::digit_parts parts(LOWBIT_EXAMPLE_DATA "/digits");
    const data training(parts.train), test(parts.test);

    network net;
    train(net, training, 6, 1e-3);
    std::printf("float32                                  %.2f %%\n", accuracy(net, test));
    net.quantize(training.images.slice(0, 0, 500));
    std::printf("2-bit weights, 4-bit activations         %.2f %%\n", accuracy(net, test));
    train(net, training, 6, 1e-3);
    std::printf("the same, fine-tuned with learned scales %.2f %%\n", accuracy(net, test));

    const auto model = to_integers(net, training);
    const lowbit::tensor<float> scores = model.network.run(lowbit::tensor<float>(view(test.images)));
    const torch::Tensor copied = torch::empty({test.images.size(0), 10});
    std::copy(scores.begin(), scores.end(), view(copied).begin());
    std::printf("run with integers only                   %.2f %%\n", percent_right(copied, test.labels));
}
