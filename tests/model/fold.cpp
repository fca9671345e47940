// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/float_run.hpp>
#include <lowbit/model/fold.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("a network computes the same without its batch normalizations") {
    const auto net = networks::mobile();
    const auto folded = fold_batch_norms(net);
    CHECK(folded.all(op::batch_norm).empty());
    CHECK(folded.at("standalone").kind == op::depthwise_conv2d);
    CHECK(folded.size() == net.size() - 2);
    const auto x = networks::random({4, 12, 12, 3}, -1, 1, 3);
    CHECK(max_error(float_run(net, x), float_run(folded, x)) < 1e-5);
}

TEST_CASE("a normalization whose layer is read elsewhere, or that is no image, becomes a layer of its own") {
    graph g;
    const auto x = g.input({1, 6}, "x");
    const auto y = g.linear(x, {.weights = networks::weights({4, 6}, 1)}, "fc");
    const auto z = g.batch_norm(y, networks::norm(4, 2), "bn");
    g.output(g.add(y, z));
    const auto folded = fold_batch_norms(g);
    CHECK(folded.at("fc").weights == g.at("fc").weights);
    CHECK(folded.at("bn").kind == op::depthwise_conv2d);
    const auto values = networks::random({3, 6}, -1, 1, 3);
    CHECK(max_error(float_run(g, values), float_run(folded, values)) < 1e-5);
}
