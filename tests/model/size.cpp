// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/size.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("50 MB of float32 are 12.5 MB at 8 bits, and the scales that are counted") {
    graph g;
    g.output(g.linear(g.input({1, 3125}), {.weights = tensor<float>({4000, 3125})}, "fc"));
    CHECK(size_of(g).weights == 50'000'000);
    CHECK(estimate_size(g, {.weights = affine{.bits = 8}}).weights == 12'500'000 + 4);
    CHECK(estimate_size(g, {.weights = affine{.bits = 8, .granularity = per_channel(0)}}).weights ==
          12'500'000 + 4 * 4000);
    CHECK(estimate_size(g, {.weights = kmeans{.bits = 4}}).weights == 6'250'000 + 16 * 4);
}

TEST_CASE("the estimate is what quantizing gives; batch norms are folded, biases int32") {
    const graph g = networks::mobile();
    const tensor<float> batches[] = {networks::random({2, 12, 12, 3}, -1, 1, 5)};
    recipe r{.weights = affine{.bits = 4, .granularity = per_channel(0)}, .first_and_last_at_8_bits = true};
    r.layers["dw"].weights = kmeans{.bits = 3};
    CHECK(size_of(quantize_graph(g, batches, r)) == estimate_size(g, r));
    CHECK(size_of(g).others == 4 * (5 + 8 + 4 * (8 + 16 + 16)));
    CHECK(estimate_size(g, r).total() < size_of(g).total() / 3);
}
