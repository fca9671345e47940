// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

struct subject {
    graph network;
    std::vector<tensor<float>> batches;
};

subject lenet() {
    return {networks::lenet(), {networks::random({80, 12, 12, 1}, 0, 1, 5), networks::random({3, 12, 12, 1}, 0, 1, 6)}};
}
subject mobile() { return {networks::mobile(), {networks::random({80, 12, 12, 3}, -1, 1, 5)}}; }

}  // namespace

TEST_CASE("quantize_model: integers are close to float and to fake quantization, layer by layer") {
    const auto [network, batches] = GENERATE(lenet(), mobile());
    affine activations{.bits = 8, .symmetric = false};
    activations.is_signed = GENERATE(true, false);
    const auto model = quantize_model(network, batches, {.activations = activations});
    CHECK(model.layers.size() == model.network.steps().size());
    for (const layer_report& row : model.layers) {
        CAPTURE(row.name, row.kind, row.output_sqnr_db, row.weight_sqnr_db, row.difference_rate);
        CHECK(row.largest_difference <= 1);
        CHECK(row.difference_rate < (row.kind == "average_pool" ? 0.15 : 0.02));  // halves: up, or to even
        CHECK(row.output_sqnr_db > 20);
        CHECK(row.weight_sqnr_db > 35);
        CHECK(row.saturation == 0);
    }
    CHECK(sqnr_db(float_run(network, batches[0]), model.network.run(batches[0])) > 20);
}
