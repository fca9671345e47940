// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/rotate.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

bool all(const node&) { return true; }

/// Linear layers with nothing between the first two; one of the channels that the third reads is large.
graph chain() {
    graph g;
    tensor<float> b = networks::weights({128, 24}, 3), c = networks::weights({8, 128}, 5);
    for (std::ptrdiff_t k = 0; k < 24; ++k) b(77, k) *= 30;
    for (std::ptrdiff_t k = 0; k < 8; ++k) c(k, 77) /= 30;
    auto x = g.input({1, 16}, "x");
    x = g.linear(x, {.weights = networks::weights({24, 16}, 1), .bias = networks::random({24}, -1, 1, 2)}, "a");
    x = g.relu(g.linear(x, {.weights = b, .bias = networks::random({128}, 0, 1, 4)}, "b"));
    g.output(g.linear(x, {.weights = c}, "c"), "y");
    return g;
}

}  // namespace

TEST_CASE("a rotated network computes the same, whatever it is made of") {
    for (const graph& g : {fold_batch_norms(networks::mobile()), networks::lenet()}) {
        const graph rotated = rotate_layers(g, all);
        const tensor_shape shape = with_batch(g[g.inputs()[0]].shape, 20);
        const auto x = networks::random(shape, -1, 1, 3);
        CHECK(sqnr_db(float_run(g, x), float_run(rotated, x)) > 90);
        CHECK(rotated.all(op::hadamard).size() > 0);
        CHECK(rotated.size() == g.size() + std::ssize(rotated.all(op::hadamard)));
    }
}

TEST_CASE("a layer whose outputs go straight into another is rotated for free; readers of one edge share a node") {
    const graph g = chain();
    const graph rotated = rotate_layers(g, all);
    CHECK(rotated.find("x.rotated") != nullptr);
    CHECK(rotated.find("a.rotated") == nullptr);  // offline
    CHECK(rotated.find("relu1.rotated") != nullptr);
    CHECK(rotated.at("a").bias != g.at("a").bias);
    const auto x = networks::random({50, 16}, -1, 1, 6);
    CHECK(sqnr_db(float_run(g, x), float_run(rotated, x)) > 100);

    graph two;
    const auto in = two.input({1, 8}, "x");
    const auto branch = [&](std::uint64_t seed) {
        return two.linear(in, {.weights = networks::weights({4, 8}, seed)});
    };
    const auto left = branch(1);
    two.output(two.add(left, branch(2)));
    CHECK(rotate_layers(two, all).all(op::hadamard).size() == 1);
    CHECK(rotate_layers(two, [](const node& n) { return n.name == "linear9"; }).all(op::hadamard).empty());
}

TEST_CASE("by recipe: outliers hurt less, in integers, and single layers can be left out") {
    const graph g = chain();
    const std::vector<tensor<float>> batches{networks::random({400, 16}, -1, 1, 6)};
    const auto truth = float_run(g, batches[0]);
    recipe r{.weights = affine{.bits = 4, .granularity = per_channel(0)},
             .activations = {.bits = 4, .symmetric = false}};
    for (const char* ends : {"x", "y"}) r.layers[ends].activations = affine{.bits = 8, .symmetric = false};
    const auto sqnr = [&] {
        const auto model = quantize_model(g, batches, r);
        for (const layer_report& row : model.layers) CHECK(row.largest_difference <= 1);
        return sqnr_db(truth, model.network.run(batches[0]));
    };
    const double plain = sqnr();
    r.rotate = true;
    CHECK(sqnr() > plain + 3);
    const auto q = quantize_graph(g, batches, r);
    const auto bits = [&](std::string_view name) {
        return q.edges[static_cast<std::size_t>(&q.network.at(name) - q.network.nodes().data())].scheme.bits;
    };
    CHECK(bits("relu1") == 8);
    CHECK(bits("relu1.rotated") == 4);
    r.layers["c"].rotate = false;
    CHECK(quantize_graph(g, batches, r).network.find("relu1.rotated") == nullptr);
    r.rotate = false;
    r.layers["c"].rotate = true;
    CHECK(quantize_graph(g, batches, r).network.all(op::hadamard).size() == 1);
}

TEST_CASE("rotations that do not fit are refused") {
    graph g;
    const auto x = g.input({1, 12});
    CHECK_THROWS_WITH(g.hadamard(x, {.block = 8}), Catch::Contains("power of two"));
    CHECK(g[g.hadamard(x, {.block = 4})].shape == tensor_shape{1, 12});
    const auto wide = g.input({1, 8192});
    CHECK_THROWS_WITH(g.hadamard(wide), Catch::Contains("4096"));
}
