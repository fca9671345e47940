// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantized_graph.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("edge codes: both ways, clamped, zero exact") {
    const edge_codes codes{{.bits = 4, .symmetric = false}, {0.5f, -3}};
    CHECK(codes.encode(0.0f) == -3);
    CHECK(codes.decode(-3) == 0.0f);
    CHECK(codes.encode(1.3f) == 0);
    CHECK(codes.encode(1e9f) == 7);
    CHECK(codes.encode(-1e9f) == -8);
    for (std::int32_t code = -8; code < 8; ++code) CHECK(codes.encode(codes.decode(code)) == code);
}

TEST_CASE("who defines an edge's codes, and where they lie") {
    graph g;
    const auto x = g.input({1, 8, 8, 2});
    const auto conv = g.conv2d(x, {.weights = networks::weights({4, 1, 1, 2}, 1)});
    const auto relu = g.relu(conv);
    const auto pool = g.max_pool(relu);
    const auto flat = g.flatten(pool);
    const auto fc = g.linear(flat, {.weights = networks::weights({3, 64}, 2)});
    const auto out = g.output(g.softmax(fc));
    const auto alone = g.relu6(relu);
    const auto owners = code_owners(g), buffers = code_buffers(g);
    const auto of = [](const std::vector<edge>& edges, edge e) { return edges[static_cast<std::size_t>(e.node)]; };
    CHECK(of(owners, x) == x);
    CHECK(of(owners, conv) == relu);
    CHECK(of(owners, pool) == relu);
    CHECK(of(owners, flat) == relu);
    CHECK(of(owners, fc) == fc);
    CHECK(of(owners, out) == fc);
    CHECK(of(owners, alone) == alone);
    CHECK(of(buffers, conv) == relu);
    CHECK(of(buffers, pool) == pool);
    CHECK(of(buffers, flat) == pool);
    CHECK(of(buffers, out) == fc);
}
