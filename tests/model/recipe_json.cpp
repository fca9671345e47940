// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/recipe_json.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;
using nlohmann::json;

TEST_CASE("a recipe comes back from its JSON as it was, to the bit") {
    recipe r{.weights = parse_scheme("int4:group=32"),
             .activations = {.bits = 6, .symmetric = false, .clip = {.method = clip_method::mse}},
             .first_and_last_at_8_bits = true,
             .equalize = true,
             .smoothquant = 0.7,
             .awq = true,
             .rotate = true,
             .weight_fit = weight_fit::hqq,
             .weight_rounding = weight_rounding::gptq,
             .bias_correction = true,
             .rounding = requant_rounding::tflite_double};
    r.layers["conv1"] = {.weights = parse_scheme("kmeans4"),
                         .activations = affine{.bits = 4},
                         .weight_fit = weight_fit::awq,
                         .weight_rounding = weight_rounding::adaround,
                         .rotate = false};
    r.layers["fc"] = {.weight_params = {{0.1f, 0}, {1e-7f, 3}}, .activation_params = affine_params{1.0f / 3, -128}};
    r.layers["plain"];
    CHECK(json::parse(json(r).dump()).get<recipe>() == r);
    CHECK(json(recipe{}).get<recipe>() == recipe{});
    CHECK(json::object().get<recipe>() == recipe{});
}

TEST_CASE("what means nothing is refused by name") {
    const auto refuses = [](const char* text, const char* why) {
        CHECK_THROWS_WITH(json::parse(text).get<recipe>(), Catch::Contains(why));
    };
    refuses(R"({"weight": "int8"})", "\"weight\"");
    refuses(R"({"weights": 8})", "scheme string");
    refuses(R"({"weights": "int77"})", "int");
    refuses(R"({"activations": "kmeans4"})", "intN");
    refuses(R"({"equalize": 1})", "true or false");
    refuses(R"({"rounding": "up"})", "cannot be \"up\"");
    refuses(R"({"weight_rounding": 1})", "string");
    refuses(R"({"smoothquant": true})", "alpha");
    refuses(R"({"awq": "yes"})", "true or false");
    refuses(R"({"weight_fit": "gptq"})", "cannot be \"gptq\"");
    refuses(R"({"layers": {"a": {"rotate": 3}}})", "true or false");
    refuses(R"({"layers": []})", "object");
    refuses(R"({"layers": {"a": {"bits": 4}}})", "\"bits\"");
    refuses(R"({"layers": {"a": {"activation_params": [1]}}})", "[scale, zero point]");
    refuses(R"({"layers": {"a": {"weight_params": 1}}})", "array");
    refuses("[]", "object");
}
