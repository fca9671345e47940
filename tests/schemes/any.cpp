// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/any.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace lowbit;

TEST_CASE("scheme strings are read and printed losslessly") {
    for (const std::string text :
         {"int8", "int2", "uint16", "int4:channel=0", "int4:group=128", "int4:group=32@0", "int8:asymmetric",
          "int8:full", "uint8:asymmetric:narrow", "int8:ties=away",
          "int4:group=64:asymmetric:narrow:ties=away:scale=bf16", "int4:group=32:scale=f16", "int4:channel=0:clip=mse",
          "int4:clip=percentile=99.9", "uint4:clip=aciq-laplace", "vkmeans8", "vkmeans12:d=8:iterations=5:seed=7"}) {
        CAPTURE(text);
        CHECK(to_string(parse_scheme(text)) == text);
    }
    CHECK(parse_scheme("int4:group=128") == any_scheme(affine{.bits = 4, .granularity = per_group(-1, 128)}));
    CHECK(parse_scheme("uint8:full") == any_scheme(affine{.is_signed = false, .codes = affine_codes::full}));
}

TEST_CASE("a scheme string that is not understood names the word") {
    CHECK_THROWS_WITH(parse_scheme("int8:gamma=channel"),
                      Catch::Contains("gamma") && Catch::Contains("does not apply"));
    CHECK_THROWS_WITH(parse_scheme("int17"), Catch::Contains("2 to 16"));
    CHECK_THROWS_WITH(parse_scheme("vkmeans8:d=0"), Catch::Contains("vectors of 0"));
    CHECK_THROWS_WITH(parse_scheme("vkmeans8:seed=-1"), Catch::Contains("seed=-1"));
    CHECK_THROWS_WITH(parse_scheme("float8"), Catch::Contains("unknown name \"float8\""));
    CHECK_THROWS_WITH(parse_scheme(""), Catch::Contains("unknown name"));
    CHECK_THROWS_WITH(parse_scheme("int8:group"), Catch::Contains("needs a value"));
    CHECK_THROWS_WITH(parse_scheme("int8:group=0"), Catch::Contains("G > 0"));
    CHECK_THROWS_WITH(parse_scheme("int8:group=4@x"), Catch::Contains("group=4@x"));
    CHECK_THROWS_WITH(parse_scheme("int8:channel=0:group=4"), Catch::Contains("exclude"));
    CHECK_THROWS_WITH(parse_scheme("int8:narrow:full"), Catch::Contains("exclude"));
    CHECK_THROWS_WITH(parse_scheme("int8:asymmetric:asymmetric"), Catch::Contains("twice"));
    CHECK_THROWS_WITH(parse_scheme("int8:asymmetric=1"), Catch::Contains("takes no value"));
    CHECK_THROWS_WITH(parse_scheme("int8:clip=best"), Catch::Contains("best"));
    CHECK_THROWS_WITH(parse_scheme("int8:ties=up"), Catch::Contains("even, away"));
    CHECK_THROWS_WITH(parse_scheme("int8:channel=1x"), Catch::Contains("not an integer"));
}

TEST_CASE("a scheme chosen at run time does what the scheme itself does") {
    const std::vector<float> x{-1.0f, 0.25f, 0.5f, 3.0f, -2.0f};
    const any_scheme chosen = parse_scheme("int4:group=2:asymmetric");
    const any_quantized q = quantize(x, chosen);
    const affine_tensor direct = quantize(x, affine{.bits = 4, .symmetric = false, .granularity = per_group(-1, 2)});
    CHECK(q == any_quantized(direct));
    CHECK(q.scheme() == chosen);
    CHECK(q.shape() == direct.shape());
    CHECK(q.codes() == direct.codes());
    CHECK(q.bytes() == direct.bytes());
    CHECK(q.bytes() == bytes(chosen, q.shape()));
    CHECK(q.bits_per_element() == direct.bits_per_element());
    CHECK(dequantize(q) == dequantize(direct));
}
