// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/report.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("the report names what suffers: weights in few bits, a range that is too narrow") {
    const auto network = networks::lenet();
    const std::vector<tensor<float>> batches{networks::random({100, 12, 12, 1}, 0, 1, 5)};
    recipe r;
    r.layers["conv2"].weights = affine{.bits = 2};
    r.layers["fc1"].activation_params = affine_params{0.001f, 0};
    const auto rows = quantize_model(network, batches, r).layers;
    const auto row = [&](std::string_view name) {
        return *std::find_if(rows.begin(), rows.end(), [&](const layer_report& l) { return l.name == name; });
    };
    CHECK(row("conv1").weight_sqnr_db > 35);
    CHECK(row("conv2").weight_sqnr_db < 12);
    CHECK(row("conv2").weights == "int2");
    CHECK(row("conv2").bytes == bytes(affine{.bits = 2}, network.at("conv2").weights.shape()) + 4 * 8);
    CHECK(row("conv1").saturation == 0);
    CHECK(row("fc1").saturation > 0.2);
    CHECK(row("fc1").output.scale == 0.001f);
    CHECK(row("fc1").kind == "linear");
    CHECK(row("fc1").activations == "int8:asymmetric");
    CHECK(row("max_pool1").weights.empty());
    CHECK(row("max_pool1").bytes == 0);
    CHECK(row("conv1").seen.min == 0);
    CHECK(row("conv1").seen.max > 0.5f);
    for (const auto& l : rows) CHECK(l.largest_difference <= 1);
}

TEST_CASE("no samples, no report") {
    const std::vector<tensor<float>> batches{networks::random({2, 12, 12, 1}, 0, 1, 5)};
    const auto model = quantize_model(networks::lenet(), batches);
    CHECK_THROWS_AS(report_layers(model.network, tensor<float>({0, 12, 12, 1})), error);
}
