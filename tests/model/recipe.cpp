// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/recipe.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("a recipe is int8 per channel by default, and a value") {
    recipe r;
    CHECK(to_string(r.weights) == "int8:channel=0");
    CHECK(to_string(r.activations) == "int8:asymmetric");
    CHECK(r.layers.empty());
    const recipe copy = r;
    CHECK(r == copy);
    r.layers["fc"].weights = parse_scheme("int4:group=32");
    CHECK_FALSE(r == copy);
}
