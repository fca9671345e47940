// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/mixed_precision.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

namespace {

/// Layers with random options, without a network.
std::vector<layer_sensitivity> random_layers(std::uint64_t seed, std::size_t layers, std::size_t options) {
    std::vector<layer_sensitivity> all;
    for (std::size_t l = 0; l < layers; ++l) {
        const auto draws = networks::random({static_cast<std::ptrdiff_t>(2 * options)}, 0, 20, seed + l);
        layer_sensitivity& layer = all.emplace_back();
        for (std::size_t o = 0; o < options; ++o) {
            sensitivity& s = layer.options.emplace_back();
            s.loss = double{draws[static_cast<std::ptrdiff_t>(2 * o)]};
            s.bytes = 1 + static_cast<std::ptrdiff_t>(draws[static_cast<std::ptrdiff_t>(2 * o + 1)]);
            s.bit_operations = 3.0 * static_cast<double>(s.bytes);
        }
    }
    return all;
}

}  // namespace

TEST_CASE("the knapsack is the best of all assignments, by trying them") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const auto layers = random_layers(seed * 100, 5, 4);
        for (const double budget : {30.0, 45.0, 60.0, 200.0}) {
            double best = std::numeric_limits<double>::max(), cheapest = best;
            for (std::size_t code = 0; code < 1024; ++code) {
                double cost = 0, loss = 0;
                for (std::size_t l = 0; l < 5; ++l) {
                    const auto& option = layers[l].options[code >> (2 * l) & 3];
                    cost += static_cast<double>(option.bytes);
                    loss += option.loss;
                }
                cheapest = std::min(cheapest, cost);
                if (cost <= budget) best = std::min(best, loss);
            }
            if (cheapest > budget) {
                CHECK_THROWS_AS(solve_knapsack(layers, budget), error);
                continue;
            }
            const auto found = solve_knapsack(layers, budget);
            CHECK(found.loss == Approx(best));
            CHECK(found.cost <= budget);
            double cost = 0;
            for (std::size_t l = 0; l < 5; ++l) cost += static_cast<double>(layers[l].options[found.options[l]].bytes);
            CHECK(cost == found.cost);
            CHECK(solve_knapsack(layers, 3 * budget, budget_kind::bit_operations).loss == Approx(best));
        }
    }
}

TEST_CASE("mixed precision is never worse than one scheme for all at the same size") {
    const auto g = GENERATE(networks::lenet(), networks::mobile());
    const std::vector<tensor<float>> batches{networks::random(with_batch(g[edge{0}].shape, 40), -1, 1, 5)};
    std::vector<any_scheme> schemes;
    for (const int bits : {2, 3, 4, 6, 8}) schemes.push_back(affine{.bits = bits, .granularity = per_channel(0)});
    recipe base;
    base.bias_correction = GENERATE(false, true);
    const auto layers = analyze_sensitivity(g, batches, schemes, base);
    const graph exact = prepare_graph(g, batches, base);
    const std::vector<tensor<float>> truth{float_run(exact, batches[0])};
    for (const std::size_t uniform : {std::size_t{1}, std::size_t{2}}) {
        double budget = 0;
        graph changed = exact;
        for (const auto& layer : layers) {
            budget += static_cast<double>(layer.options[uniform].bytes);
            detail::replace_weights(changed.at(layer.name), layer.options[uniform].layer);
        }
        const auto found = search_mixed_precision(g, batches, layers, budget, budget_kind::bytes, base);
        CHECK(found.assignment.cost <= budget);
        CHECK(found.measured_loss <= measure_quality(truth, changed, batches).loss);
        CHECK(found.found.layers.size() == layers.size());
        CHECK(*found.found.layers.at(layers[0].name).weights == layers[0].options[found.assignment.options[0]].scheme);
    }
}
