// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/layer_moments.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("moments predict the error that changed weights make, in layers of every kind") {
    const auto g = networks::mobile();
    const std::vector<tensor<float>> batches{networks::random({20, 12, 12, 3}, -1, 1, 1),
                                             networks::random({3, 12, 12, 3}, -1, 1, 2)};
    // Without the batch norms this test needs only the layers' own inputs.
    const auto moments = layer_moments(g, batches);
    for (const edge e : g.weighted()) {
        const node& n = g[e];
        CAPTURE(n.name);
        const auto& seen = moments[static_cast<std::size_t>(e.node)];
        REQUIRE(std::ssize(seen) == (n.kind == op::linear ? 1 : n.groups));
        node changed = n;
        for (float& w : changed.weights) w = std::round(w * 4) / 4;
        double expected = 0, error = 0;
        std::ptrdiff_t rows = n.weights.shape()[0] / std::ssize(seen), count = 0;
        for (std::ptrdiff_t group = 0; group < std::ssize(seen); ++group) {
            const std::ptrdiff_t size = n.weights.size() / std::ssize(seen);
            const tensor_shape part = with_batch(n.weights.shape(), rows);
            expected += output_error({n.weights.data() + group * size, part},
                                     {std::as_const(changed.weights).data() + group * size, part},
                                     seen[static_cast<std::size_t>(group)].gram());
        }
        for (const auto& batch : batches) {
            tensor<float> input;
            float_run(g, batch, [&](edge at, const node&, tensor_view<const float> value) {
                if (at == n.inputs[0]) input = tensor<float>(value);
            });
            const tensor_view<const float> view = std::as_const(input).view();
            const auto before = evaluate(n, std::span(&view, 1)), after = evaluate(changed, std::span(&view, 1));
            for (std::ptrdiff_t i = 0; i < before.size(); ++i)
                error += std::pow(double{before[i]} - double{after[i]}, 2);
            count += before.size() / n.weights.shape()[0];
        }
        CHECK(error / static_cast<double>(count) == Approx(expected).epsilon(1e-4));
    }
    CHECK(moments[0].empty());
}
