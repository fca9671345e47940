// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/lower.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

quantized_graph quantized(const graph& g, const recipe& r = {}) {
    const tensor<float> batches[] = {networks::random(with_batch(g[edge{0}].shape, 4), -1, 1, 5)};
    return quantize_graph(g, batches, r);
}

const integer_step& step_of(const std::vector<integer_step>& steps, const graph& g, std::string_view name) {
    for (const integer_step& s : steps)
        if (g[s.node].name == name) return s;
    fail("no step ", name);
}

}  // namespace

TEST_CASE("a bias that int32 cannot hold raises its channel's scale until it can, and no other's") {
    const float w[] = {1e-12f, -2e-12f, 0.5f, -1.0f}, b[] = {3.0f, 0.25f};
    const tensor<float> weights({2, 2}, std::span(w)), bias({2}, std::span(b));
    const granularity how = GENERATE(per_channel(0), per_tensor());
    const auto lowered = lower_weights({quantize(weights, affine{.bits = 8, .granularity = how}), bias}, 0.01f);
    if (how.kind == sharing::channel) {
        CHECK(std::abs(std::int64_t{lowered.bias[0]}) <= std::int64_t{1} << 30);
        CHECK(lowered.bias[0] > (1 << 30) - 1000);
        CHECK(double{lowered.scales[0]} * 0.01 * lowered.bias[0] == Approx(3.0));
        CHECK(lowered.code(0) == 0);
    }
    CHECK(lowered.scales[1] == Approx(1.0f / 127));
    CHECK(lowered.code(2) == 64);
    CHECK(lowered.code(3) == -127);
    CHECK(lowered.bias[1] ==
          static_cast<std::int32_t>(std::nearbyint(0.25 / (double{0.01f} * double{lowered.scales[1]}))));
}

TEST_CASE("weights that no kernel takes are stored as they are and computed as int8 per channel") {
    const auto w = networks::weights({6, 3, 3, 4}, 1);
    for (const any_scheme& scheme :
         {any_scheme(kmeans{.bits = 4}), any_scheme(affine{.bits = 4, .granularity = per_group(3, 2)}),
          any_scheme(affine{.bits = 12}), any_scheme(affine{.bits = 8, .granularity = per_channel(2)})}) {
        const auto stored = quantize(w, scheme);
        const auto lowered = lower_weights({stored, {}}, 0.1f);
        CHECK(lowered.is_signed);
        CHECK(lowered.zero_points.empty());
        const auto values = dequantize(stored);
        const auto expected = quantize(values, affine{.bits = 8, .granularity = per_channel(0)}).codes();
        for (std::ptrdiff_t i = 0; i < w.size(); ++i) CHECK(lowered.code(i) == expected[i]);
    }
}

TEST_CASE("weights with zero points keep them") {
    const auto w = networks::random({4, 9}, 0.5f, 2, 1);
    const auto lowered = lower_weights(
        {quantize(w, affine{.bits = 8, .symmetric = false, .granularity = per_channel(0), .is_signed = false}), {}},
        0.1f);
    CHECK_FALSE(lowered.is_signed);
    REQUIRE(lowered.zero_points.size() == 4);
    CHECK(lowered.zero_point(3) == 0);
    CHECK(lowered.code(0) > 0);
}

TEST_CASE("steps: ReLUs are fused as clamps, reshapes vanish, tables hold the function") {
    const auto q = quantized(networks::mobile());
    const graph& g = q.network;
    const auto steps = lower(q);
    for (const integer_step& s : steps) {
        CHECK(g[s.node].kind != op::relu6);
        CHECK(g[s.node].kind != op::flatten);
        CHECK(g[s.node].kind != op::softmax);
    }
    const auto& conv = step_of(steps, g, "conv2d1");
    CHECK(g[conv.output].kind == op::relu6);
    const edge_codes& codes = q.edges[static_cast<std::size_t>(conv.output.node)];
    CHECK(conv.clamp[0].lowest == codes.params.zero_point);
    CHECK(conv.clamp[0].highest == codes.encode(6.0f));
    CHECK(conv.multipliers.size() == 8);
    const auto& residual = step_of(steps, g, "residual");
    CHECK(residual.sum.a ==
          make_multiplier(double{q.edges[static_cast<std::size_t>(residual.inputs[0].node)].params.scale} /
                          double{q.edges[static_cast<std::size_t>(residual.output.node)].params.scale}));
    const auto& sigmoid = step_of(steps, g, "sigmoid");
    const edge_codes &from = q.edges[static_cast<std::size_t>(sigmoid.inputs[0].node)],
                     &to = q.edges[static_cast<std::size_t>(sigmoid.output.node)];
    for (int code = -128; code < 128; ++code)
        CHECK(static_cast<std::int8_t>(sigmoid.table[static_cast<std::uint8_t>(code)]) ==
              to.encode(1 / (1 + std::exp(-from.decode(code)))));
    CHECK(step_of(steps, g, "concat").parts.size() == 2);
}

TEST_CASE("a ReLU whose input is read elsewhere is a table") {
    graph g;
    const auto x = g.input({1, 4});
    const auto y = g.linear(x, {.weights = networks::weights({4, 4}, 1)});
    g.output(g.add(y, g.relu(y, "shared")));
    const auto q = quantized(g);
    const auto steps = lower(q);
    const auto& relu = step_of(steps, q.network, "shared");
    CHECK(q.network[relu.node].kind == op::relu);
    const edge_codes& to = q.edges[static_cast<std::size_t>(relu.node.node)];
    CHECK(static_cast<std::int8_t>(relu.table[0x80]) == to.params.zero_point);
}

TEST_CASE("what cannot run with integers is refused by name") {
    graph g;
    auto x = g.input({1, 4});
    x = g.softmax(x, "early");
    g.output(g.relu(x, "late"));
    CHECK_THROWS_WITH(lower(quantized(g)), Catch::Contains("'late'") && Catch::Contains("softmax"));

    quantized_graph q = quantized(networks::lenet());
    q.edges[3].scheme.bits = 12;
    CHECK_THROWS_WITH(lower(q), Catch::Contains("8 bits"));
    q = quantized(networks::lenet());
    q.edges.pop_back();
    CHECK_THROWS_AS(lower(q), error);
    q = quantized(networks::lenet());
    q.network = networks::mobile();
    q.edges.resize(q.network.nodes().size());
    q.layers.resize(q.network.nodes().size());
    CHECK_THROWS_WITH(lower(q), Catch::Contains("fold"));
}
