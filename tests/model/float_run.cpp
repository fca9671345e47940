// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/float_run.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace lowbit;
using networks::random;

namespace {

/// Straight from the definition, one output at a time, in float64.
tensor<float> convolution_by_definition(const node& n, const tensor<float>& x) {
    tensor<float> y(with_batch(n.shape, x.shape()[0]));
    const auto& w = n.window;
    const std::ptrdiff_t in_group = n.weights.shape()[3], out_group = n.shape[3] / n.groups;
    for (std::ptrdiff_t b = 0; b < y.shape()[0]; ++b)
        for (std::ptrdiff_t oy = 0; oy < y.shape()[1]; ++oy)
            for (std::ptrdiff_t ox = 0; ox < y.shape()[2]; ++ox)
                for (std::ptrdiff_t o = 0; o < y.shape()[3]; ++o) {
                    double sum = n.bias.empty() ? 0.0 : double{n.bias[o]};
                    for (std::ptrdiff_t ky = 0; ky < w.size[0]; ++ky)
                        for (std::ptrdiff_t kx = 0; kx < w.size[1]; ++kx)
                            for (std::ptrdiff_t i = 0; i < in_group; ++i) {
                                const auto iy = oy * w.stride[0] - w.padding.top + ky * w.dilation[0];
                                const auto ix = ox * w.stride[1] - w.padding.left + kx * w.dilation[1];
                                if (iy < 0 || ix < 0 || iy >= x.shape()[1] || ix >= x.shape()[2]) continue;
                                sum += double{x(b, iy, ix, o / out_group * in_group + i)} *
                                       double{n.weights(o, ky, kx, i)};
                            }
                    y(b, oy, ox, o) = static_cast<float>(sum);
                }
    return y;
}

tensor<float> one_node(const tensor<float>& x, const std::function<edge(graph&, edge)>& build) {
    graph g;
    g.output(build(g, g.input(x.shape())));
    return float_run(g, x);
}

struct pool {
    void parallel_for(std::ptrdiff_t n, loop_body body) {
        for (std::ptrdiff_t i = n; i-- > 0;) body(i);
    }
    int concurrency() const { return 3; }
};

}  // namespace

TEST_CASE("convolutions of every geometry equal the definition") {
    struct geometry {
        tensor_shape in, weights;
        std::ptrdiff_t groups;
        std::array<std::ptrdiff_t, 2> stride, dilation;
        padding2d padding;
        bool depthwise, bias;
    };
    const geometry g = GENERATE(
        geometry{{2, 7, 6, 3}, {4, 3, 3, 3}, 1, {1, 1}, {1, 1}, same(), false, true},
        geometry{
            {3, 9, 5, 4}, {6, 2, 3, 2}, 2, {2, 1}, {1, 2}, {.top = 0, .bottom = 2, .left = 3, .right = 1}, false, true},
        geometry{{1, 8, 8, 6}, {6, 1, 1, 1}, 6, {1, 1}, {1, 1}, valid(), false, false},
        geometry{{2, 8, 8, 6}, {6, 3, 3, 1}, 1, {2, 2}, {1, 1}, same(), true, true},
        geometry{{2, 8, 9, 3}, {9, 3, 2, 1}, 1, {1, 2}, {2, 1}, pad(2), true, false},
        geometry{{40, 20, 20, 8}, {8, 3, 3, 8}, 1, {1, 1}, {1, 1}, same(), false, true},
        geometry{{0, 7, 6, 3}, {4, 3, 3, 3}, 1, {1, 1}, {1, 1}, same(), false, true});
    const auto x = random(g.in, -1, 1, 1), w = networks::weights(g.weights, 2), b = random({g.weights[0]}, -1, 1, 3);
    graph net;
    auto e = net.input(with_batch(g.in, 1));
    const tensor<float> bias = g.bias ? b : tensor<float>();
    e = g.depthwise ? net.depthwise_conv2d(e, {w, bias, g.stride, g.padding, g.dilation}, "c")
                    : net.conv2d(e, {w, bias, g.stride, g.padding, g.dilation, g.groups}, "c");
    net.output(e);
    const auto y = float_run(net, x);
    const auto expected = convolution_by_definition(net.at("c"), x);
    REQUIRE(y.shape() == expected.shape());
    CHECK(max_error(expected, y) < 1e-5);
}

TEST_CASE("linear layers act on the last axis") {
    const auto x = random({3, 4, 5}, -1, 1, 1), w = random({2, 5}, -1, 1, 2), b = random({2}, -1, 1, 3);
    const auto y = one_node(x, [&](graph& g, edge e) { return g.linear(e, {.weights = w, .bias = b}); });
    REQUIRE(y.shape() == tensor_shape{3, 4, 2});
    for (std::ptrdiff_t row = 0; row < 12; ++row)
        for (std::ptrdiff_t o = 0; o < 2; ++o) {
            double sum = double{b[o]};
            for (std::ptrdiff_t i = 0; i < 5; ++i) sum += double{x[row * 5 + i]} * double{w[o * 5 + i]};
            CHECK(y[row * 2 + o] == Approx(sum));
        }
}

TEST_CASE("the other nodes, by numbers") {
    const float values[] = {-8, -0.5f, 3, 7};
    const tensor<float> x({1, 2, 2, 1}, std::span(values));
    const auto equals = [](const tensor<float>& y, std::initializer_list<float> expected) {
        REQUIRE(y.size() == static_cast<std::ptrdiff_t>(expected.size()));
        for (std::ptrdiff_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(expected.begin()[i]).margin(1e-6));
    };
    equals(one_node(x, [](graph& g, edge e) { return g.relu(e); }), {0, 0, 3, 7});
    equals(one_node(x, [](graph& g, edge e) { return g.relu6(e); }), {0, 0, 3, 6});
    equals(one_node(x, [](graph& g, edge e) { return g.max_pool(e); }), {7});
    equals(one_node(x, [](graph& g, edge e) { return g.average_pool(e); }), {0.375f});
    equals(one_node(x, [](graph& g, edge e) { return g.global_average_pool(e); }), {0.375f});
    equals(one_node(x, [](graph& g, edge e) { return g.add(e, e); }), {-16, -1, 6, 14});
    equals(one_node(x, [](graph& g, edge e) { return g.mul(e, e); }), {64, 0.25f, 9, 49});
    equals(one_node(x, [](graph& g, edge e) { return g.concat({e, g.relu(e)}, 1); }), {-8, -0.5f, 3, 7, 0, 0, 3, 7});
    equals(one_node(x, [](graph& g, edge e) { return g.concat({e, g.relu(e)}); }), {-8, 0, -0.5f, 0, 3, 3, 7, 7});
    equals(one_node(x, [](graph& g, edge e) { return g.activate(e, activations::hard_sigmoid()); }),
           {0, 2.5f / 6, 1, 1});
    const auto norm = [](float gamma, float beta, float mean, float variance) -> batch_norm_options {
        return {tensor<float>({1}, gamma), tensor<float>({1}, beta), tensor<float>({1}, mean),
                tensor<float>({1}, variance), 0};
    };
    equals(one_node(x, [&](graph& g, edge e) { return g.batch_norm(e, norm(3, 1, -1, 4)); }), {-9.5f, 1.75f, 7, 13});
    const auto p = one_node(x, [](graph& g, edge e) { return g.softmax(g.flatten(e)); });
    CHECK(p[3] == Approx(1 / (1 + std::exp(-4.0) + std::exp(-7.5) + std::exp(-15.0))));
    // A pool sees the valid taps only: a corner of a padded 3x3 window has four.
    equals(one_node(x, [](graph& g, edge e) { return g.average_pool(e, {{3, 3}, {2, 2}, same()}); }), {0.375f});
    equals(one_node(x, [](graph& g, edge e) { return g.max_pool(e, {{2, 2}, {2, 2}, pad(1)}); }), {-8, -0.5f, 3, 7});
}

TEST_CASE("every edge is observed in order, whatever the batch and the executor") {
    const auto net = networks::mobile();
    const auto x = random({5, 12, 12, 3}, -1, 1, 7);
    std::map<std::string, tensor<float>> seen;
    int last = -1;
    const auto y = float_run(net, x, [&](edge e, const node& n, tensor_view<const float> value) {
        CHECK(e.node == last + 1);
        last = e.node;
        CHECK(value.shape() == with_batch(n.shape, 5));
        seen[n.name] = tensor<float>(value);
    });
    CHECK(last + 1 == net.size());
    CHECK(seen.at("probabilities") == y);
    CHECK(seen.at("image") == x);
    for (std::ptrdiff_t row = 0; row < 5; ++row)
        CHECK(y(row, 0) + y(row, 1) + y(row, 2) + y(row, 3) + y(row, 4) == Approx(1));

    pool backwards;
    CHECK(float_run(net, x, {}, backwards) == y);
    const tensor_view<const float> third(x.data() + 2 * 12 * 12 * 3, {1, 12, 12, 3});
    CHECK(max_error(tensor_view<const float>(y.data() + 10, {1, 5}), float_run(net, third)) < 1e-5);
}

TEST_CASE("several inputs and outputs") {
    graph g;
    const auto a = g.input({1, 3}, "a"), b = g.input({1, 3}, "b");
    g.output(g.add(a, b));
    g.output(g.mul(a, b));
    const auto x = random({2, 3}, 0, 1, 1), y = random({2, 3}, 0, 1, 2);
    const tensor_view<const float> both[] = {x, y};
    const auto results = float_run_all(g, both);
    REQUIRE(results.size() == 2);
    CHECK(results[0](1, 2) == x(1, 2) + y(1, 2));
    CHECK(results[1](0, 1) == x(0, 1) * y(0, 1));
    CHECK_THROWS_AS(float_run(g, x), error);
    const auto wrong = random({3, 3}, 0, 1, 2);
    const tensor_view<const float> differ[] = {x, wrong};
    CHECK_THROWS_WITH(float_run_all(g, differ), Catch::Contains("input 'b'"));
}

TEST_CASE("evaluate: the count of values is the node's") {
    const auto net = networks::lenet();
    CHECK_THROWS_AS(evaluate(net.at("conv1"), {}), error);
}

TEST_CASE("a large batch runs in parts: the same as each part by itself, whatever the executor") {
    const auto net = networks::mobile();
    const auto x = random({150, 12, 12, 3}, -1, 1, 7);
    const auto y = float_run(net, x);
    REQUIRE(y.shape() == tensor_shape{150, 5});
    pool backwards;
    CHECK(float_run(net, x, {}, backwards) == y);
    const tensor_view<const float> middle(x.data() + 64 * 12 * 12 * 3, {64, 12, 12, 3});
    const auto part = float_run(net, middle);
    CHECK(std::equal(part.begin(), part.end(), y.data() + 64 * 5));
    CHECK(max_error(y, float_run(net, x, [](edge, const node&, tensor_view<const float>) {})) < 1e-5);
}
