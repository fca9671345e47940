// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/kmeans_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

#include <set>

using namespace lowbit;

TEST_CASE("every layer gets its codebook; applying makes the weights its centroids") {
    graph g = networks::lenet();
    const graph before = g;
    const kmeans_model shared(g, {.bits = 4});
    CHECK(shared.layers() == std::vector<std::string>{"conv1", "conv2", "fc1", "fc2"});
    CHECK(g.at("conv2").weights == before.at("conv2").weights);
    shared.apply(g);
    for (const auto& name : shared.layers()) {
        CHECK(g.at(name).weights == dequantize(shared.quantized(name)));
        CHECK(dequantize(quantize(before.at(name).weights, kmeans{.bits = 4})) == g.at(name).weights);
        const auto& w = g.at(name).weights;
        CHECK(std::set<float>(w.begin(), w.end()).size() <= 16);
    }
    std::ptrdiff_t expected = 0;
    for (const auto& name : shared.layers()) expected += bytes(kmeans{.bits = 4}, g.at(name).weights.shape());
    CHECK(shared.bytes() == expected);
}

TEST_CASE("both rules of fine-tuning move the centroids, and training goes on") {
    graph g = networks::lenet();
    kmeans_model shared(g, {.bits = 2});
    shared.apply(g);
    const auto labels = shared.quantized("fc2").codes();
    const std::vector<float> before(shared.centroids("fc2").begin(), shared.centroids("fc2").end());

    // A step that moves every weight by 0.5 moves every mean by 0.5.
    for (float& w : g.at("fc2").weights) w += 0.5f;
    shared.update(g);
    shared.apply(g);
    for (std::size_t c = 0; c < before.size(); ++c) CHECK(shared.centroids("fc2")[c] == Approx(before[c] + 0.5f));
    CHECK(shared.quantized("fc2").codes() == labels);

    // The gradient of a centroid is the sum over its weights.
    const tensor<float> ones(g.at("fc2").weights.shape(), 1.0f);
    const auto gradients = shared.centroid_gradients("fc2", ones);
    float sum = 0;
    for (const float v : gradients) sum += v;
    CHECK(sum == static_cast<float>(ones.size()));
    shared.centroids("fc2")[0] = 7;
    shared.apply(g);
    CHECK(std::count(g.at("fc2").weights.begin(), g.at("fc2").weights.end(), 7.0f) == static_cast<long>(gradients[0]));
}

TEST_CASE("a map gives each layer its own bits, or leaves it alone; codebooks per channel") {
    graph g = networks::lenet();
    const graph before = g;
    const kmeans_model shared(
        g, std::map<std::string, kmeans>{{"conv1", {.bits = 3}}, {"fc1", {.bits = 1, .granularity = per_channel(0)}}});
    shared.apply(g);
    CHECK(g.at("conv2").weights == before.at("conv2").weights);
    CHECK(g.at("fc1").weights ==
          dequantize(quantize(before.at("fc1").weights, kmeans{.bits = 1, .granularity = per_channel(0)})));
    CHECK(g.at("fc1").weights == dequantize(shared.quantized("fc1")));
    CHECK(shared.quantized("fc1").codebooks().size() == 20);
    CHECK(std::as_const(shared).centroids("conv1").size() == 8);
}

TEST_CASE("names and shapes that do not fit") {
    graph g = networks::lenet();
    CHECK_THROWS_AS(kmeans_model(g, std::map<std::string, kmeans>{{"missing", {}}}), error);
    CHECK_THROWS_WITH(kmeans_model(g, std::map<std::string, kmeans>{{"image", {}}}), Catch::Contains("no weights"));
    kmeans_model shared(g, {.bits = 4});
    CHECK_THROWS_AS(shared.centroids("image"), error);
    graph other = networks::mobile();
    CHECK_THROWS_AS(shared.apply(other), error);
    g.at("fc1").weights = tensor<float>({2, 2});
    CHECK_THROWS_WITH(shared.apply(g), Catch::Contains("fc1"));
}
