// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/metrics.hpp>
#include <lowbit/model/fold.hpp>
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/rescale_inputs.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

/// Some channels between the first two layers are much larger than the others, and no more important.
graph outliers() {
    graph g;
    auto x = g.input({1, 6, 6, 4}, "x");
    tensor<float> first = networks::weights({16, 3, 3, 4}, 1), second = networks::weights({12, 3, 3, 16}, 3);
    for (const std::ptrdiff_t channel : {3, 11}) {
        for (std::ptrdiff_t k = 0; k < 36; ++k) first[channel * 36 + k] *= 30;
        for (std::ptrdiff_t k = 0; k < 12 * 9; ++k) second[k * 16 + channel] /= 30;
    }
    x = g.relu(g.conv2d(x, {.weights = first, .bias = networks::random({16}, 0, 0.1f, 2)}, "first"));
    x = g.conv2d(x, {.weights = second}, "second");
    g.output(g.linear(g.flatten(x), {.weights = networks::weights({5, 48}, 4)}, "last"), "y");
    return g;
}

const std::vector<tensor<float>> seen_batches{networks::random({100, 6, 6, 4}, -1, 1, 5)};

}  // namespace

TEST_CASE("smoothing and activation-aware scales keep the function") {
    for (const graph& g : {outliers(), fold_batch_norms(networks::mobile())}) {
        const std::vector<tensor<float>> data{networks::random(with_batch(g[g.inputs()[0]].shape, 40), -1, 1, 5)};
        const auto truth = float_run(g, data[0]);
        graph smoothed = g, scaled = g;
        CHECK(smooth_activations(smoothed, data) == std::ssize(find_pairs(g)));
        CHECK(sqnr_db(truth, float_run(smoothed, data[0])) > 90);
        activation_aware_scales(scaled, data, [](edge) { return any_scheme(affine{.bits = 4}); });
        CHECK(sqnr_db(truth, float_run(scaled, data[0])) > 90);
    }
}

TEST_CASE("alpha = 1 gives every channel between two layers the largest value 1") {
    graph g = outliers();
    smooth_activations(g, seen_batches, 1.0);
    float_run(g, seen_batches[0], [&](edge e, const node&, tensor_view<const float> values) {
        if (e != g.at("second").inputs[0]) return;
        for (std::ptrdiff_t c = 0; c < 16; ++c) {
            float most = 0;
            for (std::ptrdiff_t i = c; i < values.size(); i += 16) most = std::max(most, values[i]);
            CHECK(most == Approx(1.0f));
        }
    });
    CHECK_THROWS_WITH(smooth_activations(g, seen_batches, 1.5), Catch::Contains("alpha"));
}

TEST_CASE("by recipe each helps where there are outliers, and they chain with all the rest") {
    const graph g = outliers();
    const auto truth = float_run(g, seen_batches[0]);
    const auto sqnr = [&](const recipe& r) {
        return sqnr_db(truth, quantize_model(g, seen_batches, r).network.run(seen_batches[0]));
    };
    const affine weights{.bits = 4, .granularity = per_channel(0)}, whole{.bits = 8, .granularity = per_channel(0)};
    const recipe plain{.weights = weights,
                       .activations = {.bits = 8, .symmetric = false},
                       .layers = {{"first", {.weights = whole}}, {"last", {.weights = whole}}}};
    recipe r = plain;
    r.awq = true;
    CHECK(sqnr(r) > sqnr(plain) + 1);
    r = plain;
    r.weight_fit = weight_fit::awq;
    CHECK(sqnr(r) > sqnr(plain) + 1);

    recipe few{.weights = whole, .activations = {.bits = 4, .symmetric = false}}, smooth = few;
    smooth.smoothquant = 0.5;
    CHECK(sqnr(smooth) > sqnr(few) + 1);

    r = plain;
    r.equalize = r.awq = r.rotate = true;
    r.smoothquant = 0.5;
    r.weight_fit = weight_fit::awq;
    r.weight_rounding = weight_rounding::gptq;
    r.bias_correction = true;
    CHECK(sqnr(r) > sqnr(plain) + 5);
    CHECK(sqnr_db(truth, float_run(prepare_graph(g, seen_batches, r), seen_batches[0])) > 90);
}

TEST_CASE("zero points by HQQ, scales by AWQ: for all layers or for one") {
    const graph g = outliers();
    const auto params = [&](const recipe& r, std::string_view name) {
        const auto q = quantize_graph(g, seen_batches, r);
        const auto at = static_cast<std::size_t>(&q.network.at(name) - q.network.nodes().data());
        const auto found = std::get<affine_tensor>(q.layers[at].weights.value()).params();
        return std::vector<affine_params>(found.begin(), found.end());
    };
    const affine asymmetric{.bits = 3, .symmetric = false, .granularity = per_channel(0)};
    recipe r{.weights = asymmetric};
    const auto own = params(r, "second");
    r.weight_fit = weight_fit::hqq;
    CHECK(params(r, "second") == hqq_params(g.at("second").weights.view(), asymmetric));
    CHECK(params(r, "second") != own);
    r.layers["second"].weight_fit = weight_fit::scheme;
    CHECK(params(r, "second") == own);
    r.layers["second"].weight_fit = weight_fit::awq;
    CHECK(params(r, "second") != own);
    r.layers["second"].weight_params = {{0.25f, 0}};
    r.layers["second"].weights = affine{.bits = 3};
    CHECK(params(r, "second") == std::vector<affine_params>{{0.25f, 0}});  // what is given comes first
    r = {.weights = affine{.bits = 4}, .weight_fit = weight_fit::hqq};
    CHECK_THROWS_WITH(quantize_graph(g, seen_batches, r), Catch::Contains("asymmetric"));
    r = {.weights = kmeans{.bits = 4}, .weight_fit = weight_fit::awq};
    CHECK_THROWS_WITH(quantize_graph(g, seen_batches, r), Catch::Contains("first"));
}
