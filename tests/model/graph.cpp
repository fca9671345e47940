// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/graph.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;
using Catch::Contains;

namespace {
tensor<float> zeros(const tensor_shape& shape) { return tensor<float>(shape); }
}  // namespace

TEST_CASE("a network is built from edges, with shapes inferred and unnamed nodes named") {
    graph g;
    auto x = g.input({5, 28, 28, 1}, "image");
    x = g.conv2d(x, {.weights = zeros({8, 3, 3, 1}), .bias = zeros({8}), .stride = {1, 1}, .padding = same()}, "conv1");
    CHECK(g[x].shape == tensor_shape{5, 28, 28, 8});
    CHECK(g[x].window.padding == pad(1));
    x = g.batch_norm(x, {.gamma = zeros({8}), .beta = zeros({8}), .mean = zeros({8}), .variance = zeros({8})});
    x = g.relu(x);
    x = g.max_pool(x);
    CHECK(g[x].shape == tensor_shape{5, 14, 14, 8});
    x = g.depthwise_conv2d(x, {.weights = zeros({16, 3, 3, 1}), .stride = {2, 2}, .padding = same()}, "dw");
    CHECK(g[x].shape == tensor_shape{5, 7, 7, 16});
    CHECK(g[x].groups == 8);
    CHECK(g[x].window.padding == padding2d{.top = 0, .bottom = 1, .left = 0, .right = 1});
    const auto a = g.relu6(x), b = g.activate(x, {"negate", [](float v) { return -v; }});
    x = g.concat({g.add(a, b), g.mul(a, b)});
    CHECK(g[x].shape == tensor_shape{5, 7, 7, 32});
    x = g.average_pool(x, {.size = {3, 3}, .stride = {2, 2}, .padding = pad(1)});
    CHECK(g[x].shape == tensor_shape{5, 4, 4, 32});
    CHECK(g[g.reshape(x, {5, 2, 8, 32})].shape == tensor_shape{5, 2, 8, 32});
    CHECK(g[g.flatten(x)].shape == tensor_shape{5, 512});
    x = g.flatten(g.global_average_pool(x));
    x = g.linear(x, {.weights = zeros({10, 32})}, "fc");
    x = g.output(g.softmax(x));
    CHECK(g[x].shape == tensor_shape{5, 10});
    CHECK(g.at("relu1").kind == op::relu);
    CHECK(g.find("nothing") == nullptr);
    CHECK(g.inputs().size() == 1);
    CHECK(g.outputs() == std::vector<edge>{x});
    CHECK(g.all(op::linear).size() == 1);
    CHECK(g.weighted().size() == 3);
    CHECK(g.consumers()[0] == std::vector<edge>{edge{1}});

    std::vector<std::string> names;
    g.for_each_parameter([&](const std::string& name, tensor<float>&) { names.push_back(name); });
    CHECK(names == std::vector<std::string>{"conv1.weights", "conv1.bias", "batch_norm1.gamma", "batch_norm1.beta",
                                            "batch_norm1.mean", "batch_norm1.variance", "dw.weights", "fc.weights"});
}

TEST_CASE("errors name the node and say what does not fit") {
    graph g;
    const auto x = g.input({1, 8, 8, 3}, "image"), f = g.flatten(x, "f");
    const auto message = [&](auto&& build) -> std::string {
        const int before = g.size();
        try {
            build();
        } catch (const error& e) {
            CHECK(g.size() == before);
            return e.what();
        }
        return "no error";
    };
    CHECK_THAT(message([&] {
                   g.conv2d(x, {.weights = zeros({4, 3, 3, 2})}, "c");
               }),
               Contains("conv2d 'c'") && Contains("[4, 3, 3, 2]") && Contains("[1, 8, 8, 3]"));
    CHECK_THAT(message([&] {
                   g.conv2d(x, {.weights = zeros({4, 3, 3, 3}), .bias = zeros({3})}, "c");
               }),
               Contains("'c'") && Contains("bias"));
    CHECK_THAT(message([&] {
                   g.conv2d(x, {.weights = zeros({4, 9, 9, 3})}, "c");
               }),
               Contains("larger than the padded"));
    CHECK_THAT(message([&] {
                   g.conv2d(x, {.weights = zeros({4, 3, 3, 3}), .stride = {0, 1}}, "c");
               }),
               Contains("at least 1"));
    CHECK_THAT(message([&] { g.conv2d(x, {.weights = zeros({4, 3, 3, 1}), .groups = 2}, "c"); }), Contains("divide"));
    CHECK_THAT(message([&] { g.linear(x, {.weights = zeros({4, 2})}, "fc"); }), Contains("linear 'fc'"));
    CHECK_THAT(message([&] { g.relu(x, "image"); }), Contains("taken"));
    CHECK_THAT(message([&] { g.relu(edge{7}, "r"); }), Contains("no edge of this graph"));
    CHECK_THAT(message([&] { g.add(x, f, "a"); }), Contains("add 'a'") && Contains("differ"));
}

TEST_CASE("more errors") {
    graph g;
    const auto x = g.input({2, 8, 8, 3}), f = g.flatten(x);
    CHECK_THROWS_AS(g.max_pool(f), error);
    CHECK_THROWS_AS(g.max_pool(x, {.size = {2, 2}, .padding = pad(2)}), error);
    CHECK_THROWS_AS(g.global_average_pool(f), error);
    CHECK_THROWS_AS(g.conv2d(f, {.weights = zeros({1, 1, 1, 1})}), error);
    CHECK_THROWS_AS(g.conv2d(x, {.weights = zeros({1, 1})}), error);
    CHECK_THROWS_AS(g.conv2d(x, {.weights = zeros({1, 1, 1, 3}), .padding = pad(-1)}), error);
    CHECK_THROWS_AS(g.reshape(x, {1, 2 * 8 * 8 * 3}), error);
    CHECK_THROWS_AS(g.reshape(x, {2, 7}), error);
    CHECK_THROWS_AS(g.concat({x, x}, 0), error);
    CHECK_THROWS_AS(g.concat({x, f}), error);
    CHECK_THROWS_AS(g.concat({}), error);
    CHECK_THROWS_AS(g.concat({x, g.max_pool(x)}), error);
    CHECK_THROWS_AS(g.activate(x, {}), error);
    CHECK_THROWS_AS(g.batch_norm(x, {}), error);
    CHECK_THROWS_AS(g.input({4}), error);
    CHECK_THROWS_AS(g.at("missing"), error);
}
