// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

struct subject {
    graph network;
    std::vector<tensor<float>> batches;
};

subject lenet() {
    return {networks::lenet(), {networks::random({80, 12, 12, 1}, 0, 1, 5), networks::random({3, 12, 12, 1}, 0, 1, 6)}};
}
subject mobile() { return {networks::mobile(), {networks::random({80, 12, 12, 3}, -1, 1, 5)}}; }

}  // namespace

TEST_CASE("quantize_model: integers are close to float and to fake quantization, layer by layer") {
    const auto [network, batches] = GENERATE(lenet(), mobile());
    affine activations{.bits = 8, .symmetric = false};
    activations.is_signed = GENERATE(true, false);
    const auto model = quantize_model(network, batches, {.activations = activations});
    CHECK(model.layers.size() == model.network.steps().size());
    for (const layer_report& row : model.layers) {
        CAPTURE(row.name, row.kind, row.output_sqnr_db, row.weight_sqnr_db, row.difference_rate);
        CHECK(row.largest_difference <= 1);
        CHECK(row.difference_rate < (row.kind == "average_pool" ? 0.15 : 0.02));  // halves: up, or to even
        CHECK(row.output_sqnr_db > 20);
        CHECK(row.weight_sqnr_db > 35);
        CHECK(row.saturation == 0);
    }
    CHECK(sqnr_db(float_run(network, batches[0]), model.network.run(batches[0])) > 20);
}

TEST_CASE("per channel beats per tensor, more bits beat fewer, whatever the clipping method") {
    const auto [network, batches] = mobile();
    const auto sqnr = [&, &net = network, &data = batches](const recipe& r) {
        return sqnr_db(float_run(net, data[0]), quantize_model(net, data, r).network.run(data[0]));
    };
    const auto with = [](int bits, const granularity& how, int activation_bits, clip_method clip) {
        return recipe{.weights = affine{.bits = bits, .granularity = how},
                      .activations = {.bits = activation_bits, .symmetric = false, .clip = {.method = clip}}};
    };
    const double best = sqnr(with(8, per_channel(0), 8, clip_method::minmax));
    CHECK(best > sqnr(with(3, per_channel(0), 8, clip_method::minmax)));
    CHECK(best > sqnr(with(8, per_channel(0), 4, clip_method::minmax)) + 6);
    for (const clip_method clip : {clip_method::percentile, clip_method::mse})
        CHECK(sqnr(with(8, per_channel(0), 8, clip)) > 15);
    CHECK(sqnr(with(8, per_channel(0), 8, clip_method::kl)) < best);  // it keeps the distribution, not the values
}

TEST_CASE("every clipping method, for activations and for weights, of all layers or of one") {
    const auto [network, batches] = lenet();
    const clip_method method = GENERATE(clip_method::minmax, clip_method::percentile, clip_method::mse, clip_method::kl,
                                        clip_method::octav, clip_method::aciq_laplace, clip_method::aciq_gauss);
    const clip_spec clip{.method = method, .percentile = 99};
    const affine weights{.bits = 4, .granularity = per_channel(0), .clip = clip};
    const affine activations{.bits = 4, .symmetric = false, .clip = clip};
    const auto all = quantize_graph(network, batches, {.weights = weights, .activations = activations});
    recipe r;
    r.layers["conv2"] = {.weights = weights, .activations = activations};
    const auto one = quantize_graph(network, batches, r);
    for (const edge e : network.weighted()) {
        const auto i = static_cast<std::size_t>(e.node);
        const auto params_of = [&](const quantized_graph& q) {
            const auto params = std::get<affine_tensor>(q.layers[i].weights.value()).params();
            return std::vector<affine_params>(params.begin(), params.end());
        };
        CHECK(params_of(all) == choose_params(network[e].weights.view(), weights));
        CHECK((params_of(one) == params_of(all)) == (network[e].name == "conv2"));
        histogram_observer seen;
        min_max_observer extremes;
        const edge codes = code_owners(network)[i];
        for (const tensor<float>& batch : batches)
            float_run(network, batch, [&](edge at, const node&, tensor_view<const float> value) {
                if (at == codes) seen.observe(value), extremes.observe(value);
            });
        const range covered =
            method == clip_method::minmax ? extremes.observed() : choose_range(seen.counted(), clip, 4, false, true);
        CHECK(all.edges[i].params == choose_params(covered, activations));
        CHECK((one.edges[i] == all.edges[i]) == (network[e].name == "conv2"));
    }
}

TEST_CASE("overrides by name, first and last layer at 8 bits, given parameters") {
    const auto [network, batches] = lenet();
    recipe r{
        .weights = affine{.bits = 3}, .activations = {.bits = 4, .symmetric = false}, .first_and_last_at_8_bits = true};
    r.layers["conv2"] = {.weights = kmeans{.bits = 2}, .activations = affine{.bits = 6, .symmetric = false}};
    r.layers["fc1"].weight_params = {{0.25f, 0}};
    r.layers["fc1"].activation_params = affine_params{0.5f, -8};
    const auto q = quantize_graph(network, batches, r);
    const auto at = [&, &net = network](std::string_view name) {
        return static_cast<std::size_t>(&net.at(name) - net.nodes().data());
    };
    const auto weights = [&](std::string_view name) { return to_string(q.layers[at(name)].weights.scheme()); };
    CHECK(weights("conv1") == "int8");
    CHECK(weights("conv2") == "kmeans2");
    CHECK(weights("fc1") == "int3");
    CHECK(weights("fc2") == "int8");
    CHECK(q.edges[at("image")].scheme.bits == 8);
    CHECK(q.edges[at("conv1")].scheme.bits == 4);
    CHECK(q.edges[at("conv2")].scheme.bits == 6);
    CHECK(q.edges[at("relu2")] == q.edges[at("conv2")]);
    CHECK(q.edges[at("fc1")].scheme.bits == 8);  // into the last layer
    CHECK(q.edges[at("fc1")].params == affine_params{0.5f, -8});
    CHECK(q.edges[at("scores")].scheme.bits == 8);
    const auto codes = q.layers[at("fc1")].weights.codes();
    CHECK(codes[0] == std::clamp(static_cast<int>(std::nearbyint(network.at("fc1").weights[0] * 4)), -3, 3));
}

TEST_CASE("progress is told, in order; mistakes are refused") {
    const auto [network, batches] = lenet();
    double last = -1;
    std::string what;
    quantize_model(network, batches, {}, [&](double done, std::string_view stage) {
        CHECK(done >= last);
        last = done;
        what = stage;
    });
    CHECK(last == 1.0);
    CHECK(what == "done");
    CHECK_THROWS_WITH(quantize_model(network, {}), Catch::Contains("no calibration batch"));
    recipe r;
    r.layers["conv9"];
    CHECK_THROWS_WITH(quantize_model(network, batches, r), Catch::Contains("conv9"));
    r = {};
    r.layers["fc1"] = {.weights = kmeans{.bits = 2}, .weight_params = {{1.0f, 0}}};
    CHECK_THROWS_WITH(quantize_model(network, batches, r), Catch::Contains("fc1"));
    r = {};
    r.layers["fc1"].activation_params = affine_params{-1.0f, 0};
    CHECK_THROWS_AS(quantize_model(network, batches, r), error);
}
