// SPDX-License-Identifier: Apache-2.0
// The README's first lines, as they stand there: a matrix in few bits, and a small network run with integers only.
#include <lowbit/lowbit.hpp>

#include <cmath>
#include <cstdio>

int main() {
    lowbit::tensor<float> weights({64, 128}), images({32, 128});
    for (std::ptrdiff_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i * i % 9973));
    for (std::ptrdiff_t i = 0; i < images.size(); ++i) images[i] = std::cos(static_cast<float>(i));

    // A tensor in few bits.
    const auto q = lowbit::quantize(weights, lowbit::kmeans{.bits = 4});
    std::printf("kmeans4: %.2f bits per weight, %.1f dB\n", q.bits_per_element(),
                lowbit::sqnr_db(weights, lowbit::dequantize(q)));

    // A network in int8, run with integers only.
    lowbit::graph net;
    net.output(net.relu(net.linear(net.input({1, 128}), {.weights = weights})));
    const auto model = lowbit::quantize_model(net, {&images, 1});
    std::printf("int8 network: %.1f dB\n", lowbit::sqnr_db(lowbit::float_run(net, images), model.network.run(images)));
}
