// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/equalize.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

/// Convolutions, ReLU6 between them, whose channels differ by factors of 1 to 100: the function is that of `plain`.
graph chain(bool uneven) {
    graph g;
    auto x = g.input({1, 10, 10, 3}, "image");
    x = g.relu6(
        g.conv2d(x, {.weights = networks::weights({8, 3, 3, 3}, 1), .bias = networks::random({8}, 0, 1, 2)}, "a"));
    x = g.relu6(g.depthwise_conv2d(
        x, {.weights = networks::weights({16, 3, 3, 1}, 3), .bias = networks::random({16}, 0, 1, 4)}, "b"));
    x = g.relu(
        g.conv2d(x, {.weights = networks::weights({8, 1, 1, 16}, 5), .bias = networks::random({8}, 0, 1, 6)}, "c"));
    x = g.flatten(g.max_pool(x));
    g.output(g.linear(x, {.weights = networks::weights({5, 72}, 7)}, "d"));
    if (!uneven) return g;
    for (const layer_pair& pair : find_pairs(g)) {
        std::vector<float> s;
        const auto channels = static_cast<std::size_t>(g[pair.first].weights.shape()[0]);
        for (std::size_t c = 0; c < channels; ++c)
            s.push_back(std::pow(100.0f, static_cast<float>(c * 5 % channels) / static_cast<float>(channels - 1)));
        rescale(g, pair, s);
    }
    return g;
}

}  // namespace

TEST_CASE("rescaled channels compute the same") {
    const auto x = networks::random({30, 10, 10, 3}, -2, 2, 9);
    CHECK(sqnr_db(float_run(chain(false), x), float_run(chain(true), x)) > 100);
    graph g = chain(false);
    CHECK_THROWS_AS(rescale(g, find_pairs(g)[0], std::vector<float>{1, 2}), error);
}

TEST_CASE("equalization keeps the function, clamps included, and evens out the channels") {
    for (const bool uneven : {false, true}) {
        graph g = chain(uneven);
        const auto x = networks::random({30, 10, 10, 3}, -2, 2, 9);
        const auto truth = float_run(g, x);
        CHECK(equalize(g) == 3);
        CHECK(max_error(truth, float_run(g, x)) <
              1e-3 * std::sqrt(compare(truth, truth).signal / static_cast<double>(truth.size())));
        CHECK(g.at("relu61").ceiling.size() == 8);
        CHECK(g.at("relu62").ceiling.size() == 16);
        CHECK(g.at("relu1").ceiling.empty());
        for (const layer_pair& pair : find_pairs(g)) {
            const auto first = largest_of_outputs(detail::view_of_layer(g[pair.first]));
            const auto second = largest_of_inputs(detail::view_of_layer(g[pair.second]), std::ssize(first));
            for (std::size_t c = 0; c < first.size(); ++c) CHECK(first[c] == Approx(second[c]).epsilon(0.02));
        }
    }
}

TEST_CASE("uneven channels: per tensor collapses, equalization restores it") {
    const graph g = chain(true);
    const std::vector<tensor<float>> batches{networks::random({40, 10, 10, 3}, -2, 2, 9)};
    const auto truth = float_run(g, batches[0]);
    recipe r{.weights = affine{.bits = 6}};
    const auto sqnr = [&] { return sqnr_db(truth, quantize_model(g, batches, r).network.run(batches[0])); };
    const double naive = sqnr();
    r.equalize = true;
    CHECK(sqnr() > naive + 8);
    // Ceilings per channel are clamps per channel in the integers, as fake quantization has them.
    for (const layer_report& row : quantize_model(g, batches, r).layers) CHECK(row.largest_difference <= 1);
}

TEST_CASE("a ReLU6 that never clamps becomes a ReLU") {
    graph g = chain(false);
    const std::vector<tensor<float>> small{networks::random({4, 10, 10, 3}, -0.01f, 0.01f, 9)},
        large{networks::random({4, 10, 10, 3}, -50, 50, 9)};
    CHECK(relax_relu6(g, large) == 0);
    const auto truth = float_run(g, small[0]);
    CHECK(relax_relu6(g, small) == 2);
    CHECK(g.at("relu61").kind == op::relu);
    CHECK(float_run(g, small[0]) == truth);
}

TEST_CASE("high biases move on; the ranges shrink, the function stays") {
    graph g;
    auto x = g.input({1, 4, 4, 3});
    x = g.relu6(
        g.conv2d(x, {.weights = networks::random({6, 1, 1, 3}, -0.1f, 0.1f, 1), .bias = tensor<float>({6}, 3.0f)}, "a"),
        "clamp");
    x = g.conv2d(x, {.weights = networks::weights({4, 1, 1, 6}, 2)}, "b");
    g.output(x);
    const std::vector<tensor<float>> batches{networks::random({40, 4, 4, 3}, -1, 1, 3)};
    const auto truth = float_run(g, batches[0]);
    CHECK(absorb_high_biases(g, batches) == 1);
    CHECK(g.at("a").bias[0] < 1);
    CHECK(g.at("clamp").ceiling[0] < 4);
    CHECK(max_error(truth, float_run(g, batches[0])) < 1e-5);
}

TEST_CASE("layers that others read, and groups, are left alone") {
    graph g;
    const auto x = g.input({1, 4, 4, 4});
    const auto a = g.conv2d(x, {.weights = networks::weights({4, 1, 1, 4}, 1)}, "a");
    const auto b = g.conv2d(a, {.weights = networks::weights({4, 1, 1, 4}, 2)}, "b");
    const auto c = g.conv2d(g.add(a, b), {.weights = networks::weights({4, 1, 1, 4}, 3)}, "c");
    g.output(g.conv2d(c, {.weights = networks::weights({4, 1, 1, 2}, 4), .groups = 2}, "d"));
    const graph before = g;
    CHECK(equalize(g) == 0);
    for (const char* name : {"a", "b", "c", "d"}) CHECK(g.at(name).weights == before.at(name).weights);
}
