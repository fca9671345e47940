// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/scheme_text.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("a scheme string is a name and suffixes") {
    scheme_text text("int4:group=32@0:asymmetric:scale=bf16");
    CHECK(text.name() == "int4");
    CHECK(text.numbered("int", 2, 16) == 4);
    CHECK_FALSE(text.numbered("uint", 2, 16).has_value());
    CHECK_THROWS_WITH(text.numbered("int", 5, 16), Catch::Contains("5 to 16"));
    CHECK(text.take_granularity() == per_group(0, 32));
    CHECK(text.take_flag("asymmetric"));
    CHECK_FALSE(text.take_flag("narrow"));
    CHECK_THROWS_WITH(text.finish(), Catch::Contains("\":scale\" does not apply to int4"));
    CHECK(text.take_choice("scale", {"f32", "f16", "bf16"}) == 2);
    CHECK_FALSE(text.take_integer("block").has_value());
    text.finish();
}

TEST_CASE("names that only start like a numbered one are not") {
    CHECK_FALSE(scheme_text("int").numbered("int", 2, 16).has_value());
    CHECK_FALSE(scheme_text("int4x").numbered("int", 2, 16).has_value());
    CHECK_FALSE(scheme_text("int4294967296").numbered("int", 2, 16).has_value());
}

TEST_CASE("granularities print as they are read") {
    for (const auto& how : {per_tensor(), per_channel(0), per_channel(-1), per_group(-1, 128), per_group(2, 16)}) {
        const std::string text = lowbit::detail::concat('x', granularity_suffix(how));
        scheme_text words(text);
        CHECK(words.take_granularity() == how);
        words.finish();
    }
    scheme_text none("x");
    CHECK(none.take_granularity(per_group(-1, 32)) == per_group(-1, 32));
}
