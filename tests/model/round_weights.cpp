// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/round_weights.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

const std::vector<tensor<float>> images{networks::random({40, 12, 12, 3}, -1, 1, 1)};

/// A network and what its layers read when it sees the images.
struct observed_network {
    graph g;
    std::vector<group_moments> moments = layer_moments(g, images);

    const group_moments& seen(const node& n) const { return moments[static_cast<std::size_t>(&n - g.nodes().data())]; }
};

}  // namespace

TEST_CASE("GPTQ and AdaRound lose less of every layer's output than the nearest codes") {
    const observed_network mobile{networks::mobile()};
    const granularity how = GENERATE(per_tensor(), per_channel(0));
    const affine scheme{.bits = 3, .granularity = how};
    double nearest = 0, gptq = 0, adaround = 0;
    for (const edge e : mobile.g.weighted()) {
        const node& n = mobile.g[e];
        const auto& seen = mobile.seen(n);
        const auto loss = [&](const any_quantized& q) {
            const auto rounded = dequantize(q);
            double sum = 0;
            const std::ptrdiff_t groups = std::ssize(seen), size = rounded.size() / groups;
            const tensor_shape part = with_batch(rounded.shape(), rounded.shape()[0] / groups);
            for (std::ptrdiff_t i = 0; i < groups; ++i)
                sum += output_error({n.weights.data() + i * size, part}, {rounded.data() + i * size, part},
                                    seen[static_cast<std::size_t>(i)].gram());
            return sum;
        };
        const auto with = [&](weight_rounding rounding) { return loss(round_weights(n, scheme, {}, rounding, seen)); };
        nearest += with(weight_rounding::nearest);
        gptq += with(weight_rounding::gptq);
        adaround += with(weight_rounding::adaround);
        CHECK(round_weights(n, scheme, {}, weight_rounding::nearest, {}) == any_quantized(quantize(n.weights, scheme)));
    }
    CHECK(gptq < 0.9 * nearest);
    CHECK(adaround < 0.9 * nearest);
}

TEST_CASE("GPTQ to block formats") {
    const observed_network mobile{networks::mobile()};
    const node& n = mobile.g.at("fc");
    const auto& seen = mobile.seen(n);
    for (const any_scheme& scheme : {any_scheme(ocp_mx{}), any_scheme(nvfp4{}), any_scheme(fixed_codebook{})}) {
        const auto loss = [&](weight_rounding how) {
            return output_error(n.weights, dequantize(round_weights(n, scheme, {}, how, seen)), seen[0].gram());
        };
        CHECK(loss(weight_rounding::gptq) < loss(weight_rounding::nearest));
        CHECK_THROWS_WITH(loss(weight_rounding::adaround), Catch::Contains("nearest"));
    }
}

TEST_CASE("GPTQ to a codebook; what can only be rounded to the nearest") {
    const observed_network mobile{networks::mobile()};
    const node& n = mobile.g.at("fc");
    const auto& seen = mobile.seen(n);
    const auto q = round_weights(n, kmeans{.bits = 2}, {}, weight_rounding::gptq, seen);
    CHECK(q.bits_per_element() < 4);
    const auto loss = [&](const any_quantized& of) { return output_error(n.weights, dequantize(of), seen[0].gram()); };
    CHECK(loss(q) < loss(round_weights(n, kmeans{.bits = 2}, {}, weight_rounding::nearest, {})));
    CHECK_THROWS_WITH(round_weights(n, kmeans{.bits = 2}, {}, weight_rounding::adaround, seen),
                      Catch::Contains("nearest"));
    CHECK_THROWS_AS(round_weights(n, kmeans{.bits = 2}, {{1.0f, 0}}, weight_rounding::nearest, seen), error);
    const node& dw = mobile.g.at("dw");
    CHECK_THROWS_AS(round_weights(dw, affine{.bits = 4, .granularity = per_group(0, 3)}, {}, weight_rounding::gptq,
                                  mobile.seen(dw)),
                    error);
}

TEST_CASE("the corrected bias keeps each channel's mean output") {
    const observed_network mobile{fold_batch_norms(networks::mobile())};
    for (const char* name : {"conv2d1", "dw", "gate", "fc"}) {
        const node& n = mobile.g.at(name);
        tensor<float> input;
        float_run(mobile.g, images[0], [&](edge e, const node&, tensor_view<const float> value) {
            if (e == n.inputs[0]) input = tensor<float>(value);
        });
        const auto& seen = mobile.seen(n);
        const auto q = round_weights(n, affine{.bits = 3}, {}, weight_rounding::nearest, seen);
        node rounded = n;
        rounded.weights = dequantize(q);
        rounded.bias = corrected_bias(n, q, seen);
        const tensor_view<const float> view = std::as_const(input).view();
        const auto truth = evaluate(n, std::span(&view, 1)), y = evaluate(rounded, std::span(&view, 1));
        const std::ptrdiff_t channels = n.weights.shape()[0];
        for (std::ptrdiff_t c = 0; c < channels; ++c) {
            double before = 0, after = 0;
            for (std::ptrdiff_t i = c; i < y.size(); i += channels) before += double{truth[i]}, after += double{y[i]};
            CHECK(before == Approx(after).epsilon(1e-3).margin(1e-3 * static_cast<double>(y.size() / channels)));
        }
    }
}

TEST_CASE("a recipe can ask for them, for all layers or for one") {
    const auto g = networks::lenet();
    const std::vector<tensor<float>> batches{networks::random({60, 12, 12, 1}, 0, 1, 1)};
    recipe r{.weights = affine{.bits = 3, .granularity = per_channel(0)}};
    const auto sqnr = [&] {
        return sqnr_db(float_run(g, batches[0]), quantize_model(g, batches, r).network.run(batches[0]));
    };
    const double nearest = sqnr();
    r.bias_correction = true;
    r.weight_rounding = weight_rounding::gptq;
    CHECK(sqnr() > nearest + 1);
    r.layers["conv1"].weight_rounding = weight_rounding::adaround;
    CHECK(sqnr() > nearest + 1);
}
