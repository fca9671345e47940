// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/diagnose.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;
using Catch::Contains;

TEST_CASE("a healthy network has no offender; a bad layer is named first, with the cause") {
    const auto g = networks::lenet();
    const std::vector<tensor<float>> batches{networks::random({60, 12, 12, 1}, 0, 1, 5)};
    recipe r;
    const auto offences = [&](double lowest = 10) {
        return diagnose(integer_network(quantize_graph(g, batches, r)), batches[0], {.lowest_sqnr_db = lowest});
    };
    CHECK(offences().empty());

    r.layers["conv2"].weights = affine{.bits = 2};
    REQUIRE_FALSE(offences().empty());
    CHECK(offences()[0].layer == "conv2");
    CHECK_THAT(offences()[0].what, Contains("SQNR"));
    CHECK_THAT(offences()[0].cause, Contains("int2"));

    r.layers.clear();
    r.layers["fc1"].activation_params = affine_params{0.0005f, 0};
    REQUIRE_FALSE(offences().empty());
    CHECK(offences()[0].layer == "fc1");
    CHECK_THAT(offences()[0].cause, Contains("beyond the codes"));

    r.layers.clear();
    r.layers["conv1"].activations = affine{.bits = 2, .symmetric = false};
    REQUIRE_FALSE(offences(18).empty());
    CHECK(offences(18)[0].layer == "conv1");
    CHECK_THAT(offences(18)[0].cause, Contains("coarse"));
}
