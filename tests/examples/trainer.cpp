// SPDX-License-Identifier: Apache-2.0
// The trainer's gradients against numeric derivatives: every layer in float64, a whole network in float32.
#include "examples/common/backprop.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/optimizers.hpp"

#include <lowbit/core/pools.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <vector>

using namespace examples;
using values = lowbit::tensor<double>;

namespace {

values random_values(const tensor_shape& shape, random_source& random) {
    values x(shape);
    for (double& v : x) v = random.normal();
    return x;
}

/// For y = f() and the loss Σ y·weight, compares each gradient with central differences of its variable.
struct gradient_check {
    random_source random{7};
    values y, dy;

    explicit gradient_check(const tensor_shape& out) : y(out), dy(random_values(out, random)) {}

    double loss(const std::function<void()>& forward) {
        forward();
        double sum = 0;
        for (std::ptrdiff_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
        return sum;
    }

    void matches(const std::function<void()>& forward, values& variable, const values& gradient) {
        REQUIRE(variable.shape() == gradient.shape());
        for (std::ptrdiff_t i = 0; i < variable.size(); ++i) {
            const double kept = variable[i], h = 1e-6;
            variable[i] = kept + h;
            const double up = loss(forward);
            variable[i] = kept - h;
            const double down = loss(forward);
            variable[i] = kept;
            INFO("element " << i);
            REQUIRE(gradient[i] == Approx((up - down) / (2 * h)).margin(1e-6).epsilon(1e-6));
        }
    }
};

/// A node with a window, as graph would make it.
lowbit::node windowed(lowbit::op kind, std::array<std::ptrdiff_t, 2> size, std::array<std::ptrdiff_t, 2> stride,
                      std::array<std::ptrdiff_t, 2> dilation, const lowbit::padding2d& padding) {
    lowbit::node n;
    n.kind = kind;
    n.window = {size, stride, dilation, padding};
    return n;
}

}  // namespace

TEST_CASE("convolution's gradients") {
    lowbit::thread_pool threads;
    struct geometry {
        lowbit::node n;
        tensor_shape in, out;
    };
    const geometry cases[] = {
        {windowed(lowbit::op::conv2d, {3, 2}, {2, 1}, {1, 2}, {1, 0, 2, 1}), {5, 6, 5, 3}, {5, 3, 6, 4}},
        {windowed(lowbit::op::conv2d, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}), {3, 4, 5, 2}, {3, 4, 5, 4}},
        {windowed(lowbit::op::conv2d, {1, 1}, {1, 1}, {1, 1}, {}), {2, 3, 3, 5}, {2, 3, 3, 4}},
        {windowed(lowbit::op::conv2d, {1, 1}, {2, 2}, {1, 1}, {}), {2, 4, 3, 2}, {2, 2, 2, 4}},
        {windowed(lowbit::op::conv2d, {3, 3}, {1, 2}, {1, 1}, {1, 1, 1, 1}), {3, 5, 9, 1}, {3, 5, 5, 4}},
        {windowed(lowbit::op::conv2d, {2, 3}, {2, 1}, {1, 2}, {1, 0, 2, 1}), {5, 5, 4, 1}, {5, 3, 3, 20}},
        {windowed(lowbit::op::conv2d, {1, 1}, {1, 1}, {1, 1}, {}), {2, 3, 2, 1}, {2, 3, 2, 9}},
    };
    for (const auto& [n, in, out] : cases) {
        gradient_check check(out);
        values x = random_values(in, check.random), b = random_values({out[3]}, check.random);
        values w = random_values({out[3], n.window.size[0], n.window.size[1], in[3]}, check.random);
        values dx(x.shape()), dw(w.shape()), db(b.shape());
        const auto forward = [&] { conv2d_forward(n, x, w, b, check.y, threads); };
        conv2d_backward(n, x, w, check.dy, &dx, dw, db, threads);
        check.matches(forward, x, dx);
        check.matches(forward, w, dw);
        check.matches(forward, b, db);
        // What nobody wants the input's gradient of may take another way.
        values dw_alone(w.shape()), db_alone(b.shape());
        conv2d_backward(n, x, w, check.dy, static_cast<values*>(nullptr), dw_alone, db_alone, threads);
        check.matches(forward, w, dw_alone);
        check.matches(forward, b, db_alone);
    }
}

TEST_CASE("depthwise convolution's gradients, with and without a channel multiplier") {
    for (const std::ptrdiff_t multiplier : {1, 3}) {
        const lowbit::node n = windowed(lowbit::op::depthwise_conv2d, {3, 3}, {2, 1}, {1, 1}, {1, 1, 0, 1});
        gradient_check check({3, 2, 4, 2 * multiplier});
        values x = random_values({3, 4, 5, 2}, check.random), b = random_values({2 * multiplier}, check.random);
        values w = random_values({2 * multiplier, 3, 3, 1}, check.random);
        values dx(x.shape()), dw(w.shape()), db(b.shape());
        const auto forward = [&] { depthwise_forward(n, x, w, b, check.y, {}); };
        depthwise_backward(n, x, w, check.dy, &dx, dw, db, {});
        check.matches(forward, x, dx);
        check.matches(forward, w, dw);
        check.matches(forward, b, db);
    }
}

TEST_CASE("a linear layer's gradients") {
    gradient_check check({5, 3});
    values x = random_values({5, 7}, check.random), w = random_values({3, 7}, check.random);
    values b = random_values({3}, check.random), dx(x.shape()), dw(w.shape()), db(b.shape());
    const auto forward = [&] { linear_forward(x, w, b, check.y, {}); };
    linear_backward(x, w, check.dy, &dx, dw, db, {});
    check.matches(forward, x, dx);
    check.matches(forward, w, dw);
    check.matches(forward, b, db);
}

TEST_CASE("batch norm's gradients, through the batch's own statistics") {
    gradient_check check({4, 2, 3, 5});
    values x = random_values({4, 2, 3, 5}, check.random), gamma = random_values({5}, check.random);
    values beta = random_values({5}, check.random), dx(x.shape()), dgamma({5}), dbeta({5});
    norm_statistics<double> statistics;
    std::vector<double> variance;
    const auto forward = [&] {
        statistics = batch_statistics(x, 1e-3, variance, executor());
        batch_norm_forward(x, statistics, gamma, beta, check.y, {});
    };
    forward();
    batch_norm_backward(x, statistics, gamma, check.dy, &dx, dgamma, dbeta, {});
    check.matches(forward, x, dx);
    check.matches(forward, gamma, dgamma);
    check.matches(forward, beta, dbeta);
}

TEST_CASE("pooling's gradients; padding is skipped") {
    const auto run = [](const lowbit::node& n, const tensor_shape& in, const tensor_shape& out) {
        gradient_check check(out);
        values x = random_values(in, check.random), dx(x.shape());
        const bool largest = n.kind == lowbit::op::max_pool;
        const auto forward = [&] {
            if (largest)
                max_pool_forward(n, x, check.y, {});
            else
                average_pool_forward(n, x, check.y, {});
        };
        forward();
        if (largest)
            max_pool_backward(n, x, check.y, check.dy, dx, {});
        else
            average_pool_backward(n, check.dy, dx, {});
        check.matches(forward, x, dx);
    };
    run(windowed(lowbit::op::max_pool, {2, 2}, {2, 2}, {1, 1}, {}), {3, 4, 6, 2}, {3, 2, 3, 2});
    run(windowed(lowbit::op::max_pool, {3, 3}, {1, 2}, {1, 1}, {1, 1, 1, 1}), {2, 4, 5, 3}, {2, 4, 3, 3});
    run(windowed(lowbit::op::average_pool, {3, 3}, {1, 2}, {1, 1}, {1, 1, 1, 1}), {2, 4, 5, 3}, {2, 4, 3, 3});
    run(whole_image({}, {2, 4, 5, 3}), {2, 4, 5, 3}, {2, 1, 1, 3});
}

TEST_CASE("the gradient of a clamp with a ceiling per channel") {
    gradient_check check({6, 5});
    lowbit::tensor<float> ceiling({5});
    for (std::ptrdiff_t c = 0; c < 5; ++c) ceiling[c] = 0.3f * static_cast<float>(c + 1);
    values x = random_values({6, 5}, check.random), dx(x.shape());
    const auto forward = [&] { clamp_forward(x, ceiling, check.y, {}); };
    forward();
    for (std::ptrdiff_t i = 0; i < x.size(); ++i)
        CHECK(check.y[i] == std::min(std::max(x[i], 0.0), static_cast<double>(ceiling[i % 5])));
    clamp_backward(check.y, ceiling, check.dy, dx, {});
    check.matches(forward, x, dx);
}

TEST_CASE("a tie in max pooling sends its gradient to one place") {
    const lowbit::node n = windowed(lowbit::op::max_pool, {2, 2}, {2, 2}, {1, 1}, {});
    const values x({1, 2, 2, 1}, 1.0), dy({1, 1, 1, 1}, 3.0);
    values y({1, 1, 1, 1}), dx(x.shape());
    max_pool_forward(n, x, y, {});
    max_pool_backward(n, x, y, dy, dx, {});
    CHECK(std::vector<double>(dx.begin(), dx.end()) == std::vector<double>{3, 0, 0, 0});
}

TEST_CASE("cross-entropy's gradient") {
    random_source random(3);
    values logits = random_values({4, 5}, random), gradient(logits.shape()), unused(logits.shape());
    const std::vector<int> labels{1, 4, 0, 2};
    cross_entropy(logits, labels, gradient);
    for (std::ptrdiff_t i = 0; i < logits.size(); ++i) {
        const double kept = logits[i], h = 1e-6;
        logits[i] = kept + h;
        const double up = cross_entropy(logits, labels, unused);
        logits[i] = kept - h;
        const double down = cross_entropy(logits, labels, unused);
        logits[i] = kept;
        CHECK(gradient[i] == Approx((up - down) / (2 * h)).margin(1e-8));
    }
}

TEST_CASE("soft targets' gradient") {
    random_source random(4);
    values logits = random_values({3, 5}, random), gradient(logits.shape()), unused(logits.shape());
    const values teacher = random_values({3, 5}, random);
    const std::vector<int> labels{1, 4, 0};
    const soft_targets<double> soft{&teacher, 0.3, 3};
    const auto loss = [&] {
        double cross = 0;
        for (std::ptrdiff_t i = 0; i < 3; ++i) {
            double sum = 0, teacher_sum = 0;
            for (std::ptrdiff_t c = 0; c < 5; ++c) {
                sum += std::exp(logits(i, c) / 3);
                teacher_sum += std::exp(teacher(i, c) / 3);
            }
            for (std::ptrdiff_t c = 0; c < 5; ++c)
                cross -= std::exp(teacher(i, c) / 3) / teacher_sum * (logits(i, c) / 3 - std::log(sum)) / 3;
        }
        return 0.7 * cross_entropy(logits, labels, unused) + 0.3 * 9 * cross;
    };
    cross_entropy(logits, labels, gradient);
    add_soft_targets(logits, soft, gradient);
    for (std::ptrdiff_t i = 0; i < logits.size(); ++i) {
        const double kept = logits[i], h = 1e-6;
        logits[i] = kept + h;
        const double up = loss();
        logits[i] = kept - h;
        const double down = loss();
        logits[i] = kept;
        CHECK(gradient[i] == Approx((up - down) / (2 * h)).margin(1e-8));
    }
}

namespace {

/// Every kind of node that learns or passes a gradient on, edges read twice included.
lowbit::graph every_node() {
    network_builder b(5);
    lowbit::graph& g = b.g;
    auto x = g.relu(b.norm(b.conv(b.images(), 4, 3, 2, lowbit::same(), "conv"), "norm"), "relu");
    const auto left = g.relu6(b.norm(b.depthwise(x, 2, 3, 2, "depthwise"), "norm2"), "relu6");
    const auto right = b.norm(b.conv(x, 8, 1, 2, lowbit::valid(), "pointwise", true), "norm3");
    const auto both = g.concat({g.mul(left, right), g.add(left, right)});
    x = g.average_pool(g.max_pool(both, {.size = {3, 3}, .stride = {2, 2}, .padding = lowbit::pad(1)}));
    x = g.concat({g.flatten(x), g.flatten(g.global_average_pool(both))});
    g.output(b.linear(x, 10, "linear"));
    return std::move(b.g);
}

}  // namespace

TEST_CASE("a whole network's gradient points uphill, by as much as it says") {
    lowbit::graph g = every_node();
    lowbit::thread_pool threads;
    backprop network(g, threads);
    random_source random(11);
    constexpr std::ptrdiff_t batch = 8;
    for (float& v : network.input(batch)) v = static_cast<float>(random.uniform());
    std::vector<int> labels;
    for (int i = 0; i < batch; ++i) labels.push_back(i);
    network.forward(pass::training);
    network.backward(labels);
    for (const parameter& p : network.parameters()) {
        // Along the gradient itself, the derivative is its squared length.
        const std::vector<float> kept(p.value->begin(), p.value->end()),
            gradient(p.gradient->begin(), p.gradient->end());
        double squares = 0;
        for (const float d : gradient) squares += static_cast<double>(d) * static_cast<double>(d);
        const double length = std::sqrt(squares);
        INFO(p.name);
        // A bias before a batch norm does nothing.
        if (p.name == "pointwise.bias") {
            CHECK(length < 1e-5);
            continue;
        }
        REQUIRE(length > 1e-4);
        const auto loss_at = [&](double step) {
            for (std::size_t i = 0; i < kept.size(); ++i)
                (*p.value)[static_cast<std::ptrdiff_t>(i)] =
                    static_cast<float>(static_cast<double>(kept[i]) + step * static_cast<double>(gradient[i]) / length);
            network.forward(pass::training);
            return network.backward(labels);
        };
        const double h = 2e-3, slope = (loss_at(h) - loss_at(-h)) / (2 * h);
        std::copy(kept.begin(), kept.end(), p.value->begin());
        CHECK(slope == Approx(length).epsilon(0.02).margin(2e-4));
    }
}

namespace {

/// Doubles weights and biases, and triples the outputs of ReLUs; its backward passes say so.
struct scaling : simulation {
    explicit scaling(const lowbit::graph& network) : g(network) {}
    void weights(lowbit::edge, tensor<float>& values) override { lowbit::as_array(values.view()) *= 2.0f; }
    void weights_backward(lowbit::edge, const tensor<float>&, tensor<float>& gradient) override {
        lowbit::as_array(gradient.view()) *= 2.0f;
    }
    void bias(lowbit::edge, tensor<float>& values) override { lowbit::as_array(values.view()) *= 2.0f; }
    bool changes(lowbit::edge e) const override { return g[e].kind == lowbit::op::relu; }
    void output(lowbit::edge, tensor<float>& values) override { lowbit::as_array(values.view()) *= 3.0f; }
    void output_backward(lowbit::edge, const tensor<float>&, tensor<float>& gradient) override {
        lowbit::as_array(gradient.view()) *= 3.0f;
    }
    const lowbit::graph& g;
};

}  // namespace

TEST_CASE("a simulation stands between the layers, both ways") {
    // Doubled and tripled by hand, a network computes what the simulated one does, and its gradients follow.
    lowbit::graph plain = lenet(3), by_hand = plain;
    const auto scale = [&](const char* layer, float weights, float bias) {
        lowbit::node& n = by_hand.at(layer);
        lowbit::as_array(n.weights.view()) *= weights;
        for (float& b : n.bias) b = (b + 0.1f) * bias;
        for (float& b : plain.at(layer).bias) b += 0.1f;
    };
    for (const char* layer : {"conv1", "conv2", "conv3", "fc1"}) scale(layer, 6, 6);
    scale("fc2", 2, 2);
    scaling simulated(plain);
    backprop a(plain, {}, &simulated), b(by_hand);
    random_source random(9);
    tensor<float>& images = a.input(4);
    for (float& v : images) v = static_cast<float>(random.uniform());
    std::copy(images.begin(), images.end(), b.input(4).begin());
    const auto &y = a.forward(pass::training), &expected = b.forward(pass::training);
    for (std::ptrdiff_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(expected[i]).epsilon(1e-4).margin(1e-2));
    const std::vector<int> labels{1, 2, 3, 4};
    a.backward(labels);
    b.backward(labels);
    const auto& of_a = *a.parameters()[0].gradient;
    const auto& of_b = *b.parameters()[0].gradient;
    for (std::ptrdiff_t i = 0; i < of_a.size(); ++i)
        CHECK(of_a[i] == Approx(6 * of_b[i]).epsilon(1e-3).margin(1e-3 * std::abs(6.0f * of_b[0])));
}

TEST_CASE("training gives the same bits with any number of threads") {
    const auto trained = [](int threads) {
        lowbit::thread_pool pool(threads);
        lowbit::graph g = every_node();
        backprop network(g, pool);
        random_source random(2);
        adam optimizer(1e-2f);
        std::vector<int> labels;
        for (int i = 0; i < 10; ++i) labels.push_back(i);
        for (int step = 0; step < 3; ++step) {
            for (float& v : network.input(10)) v = static_cast<float>(random.uniform());
            network.forward(pass::training);
            network.backward(labels);
            optimizer.step(network.parameters(), 1e-2f);
        }
        std::vector<float> all;
        g.for_each_parameter(
            [&](const std::string&, const tensor<float>& v) { all.insert(all.end(), v.begin(), v.end()); });
        return all;
    };
    const std::vector<float> alone = trained(1);
    CHECK(alone == trained(2));
    CHECK(alone == trained(3));
}

TEST_CASE("optimizers by hand") {
    tensor<float> w({2}, 1.0f), g({2}, 0.5f);
    const parameter p{"w", &w, &g, true};
    SECTION("SGD: two steps with momentum and decay") {
        sgd optimizer(0.5f, 0.1f);
        optimizer.step({&p, 1}, 0.1f);
        CHECK(w[0] == Approx(1 - 0.1 * 0.6));
        optimizer.step({&p, 1}, 0.1f);
        CHECK(w[0] == Approx(0.94 - 0.1 * (0.5 * 0.6 + 0.5 + 0.094)));
    }
    SECTION("Adam: the first step has the length of the rate, against the gradient's sign") {
        g[1] = -3;
        adam optimizer;
        optimizer.step({&p, 1}, 0.01f);
        CHECK(w[0] == Approx(0.99));
        CHECK(w[1] == Approx(1.01));
    }
    SECTION("the cosine's ends") {
        CHECK(cosine_rate(2, 0) == Approx(2));
        CHECK(cosine_rate(2, 0.5) == Approx(1));
        CHECK(cosine_rate(2, 1) == Approx(0).margin(1e-6));
        CHECK(cosine_rate(2, 0.05, 0.1) == Approx(1));
    }
}
