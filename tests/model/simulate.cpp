// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/quantize_model.hpp>
#include <lowbit/model/simulate.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

#include <map>

using namespace lowbit;

namespace {

/// Codes by edge, from a free run of each.
template <class T>
void compare_runs(const graph& network, const tensor<float>& x, const recipe& r) {
    const tensor<float> batches[] = {x};
    const integer_network integers(quantize_graph(network, batches, r));
    std::map<int, tensor<T>> codes;
    std::ptrdiff_t shown = 0, differing = 0;
    integers.run(x, {},
                 [&](edge e, const node&, const code_view& view) { codes[e.node] = detail::typed_codes<T>(view); });
    simulate<T>(integers.quantized(), x, [&](edge e, const node&, const code_view& view) {
        REQUIRE(codes.count(e.node) == 1);
        REQUIRE(codes[e.node].shape() == view.shape());
        for (std::ptrdiff_t i = 0; i < view.size(); ++i) differing += view[i] != codes[e.node][i];
        ++shown;
    });
    CHECK(shown == static_cast<std::ptrdiff_t>(integers.steps().size()) + 1);
    CHECK(differing == 0);
}

}  // namespace

TEST_CASE("the simulation gives the integer network's codes at every edge: 0 differences end to end") {
    recipe r;
    r.rounding = GENERATE(requant_rounding::single, requant_rounding::tflite_double);
    r.activations.bits = GENERATE(8, 5);
    r.activations.is_signed = GENERATE(true, false);
    const bool asymmetric_weights = GENERATE(true, false);
    r.weights = affine{.bits = 8,
                       .symmetric = !asymmetric_weights,
                       .granularity = asymmetric_weights ? per_tensor() : per_channel(0),
                       .is_signed = !asymmetric_weights};
    const auto run = [&](const graph& g, const tensor<float>& x) {
        if (r.activations.is_signed) return compare_runs<std::int8_t>(g, x, r);
        compare_runs<std::uint8_t>(g, x, r);
    };
    run(networks::lenet(), networks::random({20, 12, 12, 1}, 0, 1, 5));
    run(networks::mobile(), networks::random({20, 12, 12, 3}, -1, 1, 5));
}

TEST_CASE("simulate refuses another type of codes") {
    const tensor<float> batches[] = {networks::random({2, 12, 12, 1}, 0, 1, 5)};
    const auto q = quantize_graph(networks::lenet(), batches, {});
    CHECK_THROWS_AS(simulate<std::uint8_t>(q, batches[0], [](edge, const node&, const code_view&) {}), error);
}
