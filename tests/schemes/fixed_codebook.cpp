// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/fixed_codebook.hpp>

#include <tests/support/schemes.hpp>

#include <algorithm>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("NF4, FP4, IQ4_NL, with quantized and searched scales") {
    check_scheme(nf4{}, 19.0, true);
    check_scheme(nf4{.block = 13}, 19.0, true);
    check_scheme(nf4{.double_quantized = true}, 19.0, false);
    check_scheme(nf4{.scale = block_scale::mse}, 20.0, true);
    check_scheme(nf4{.scale_type = scale_type::bf16}, 19.0, true);
    check_scheme(fp4{}, 16.0, true);
    check_scheme(iq4nl{}, 21.5, true);
    check_refuses_nan(nf4{});
}

TEST_CASE("names and sizes of fixed codebooks") {
    CHECK(parse_scheme("nf4") == any_scheme(nf4{}));
    CHECK(parse_scheme("fp4") == any_scheme(fp4{}));
    CHECK(parse_scheme("iq4nl") == any_scheme(iq4nl{}));
    CHECK(parse_scheme("nf4:block=32:double:scale=mse") ==
          any_scheme(nf4{.block = 32, .double_quantized = true, .scale = block_scale::mse}));
    CHECK(to_string(parse_scheme("iq4nl:scale=mse")) == "iq4nl");
    CHECK(to_string(parse_scheme("iq4nl:scale=standard:scale_type=f32")) == "iq4nl:scale=standard:scale_type=f32");
    const tensor_shape shape{64, 4096};
    CHECK(bits_per_element(nf4{}, shape) == 4.5);
    CHECK(bits_per_element(iq4nl{}, shape) == 4.5);
    CHECK(bits_per_element(nf4{.double_quantized = true}, shape) == 4.125 + 32.0 / 16384 + 32.0 / (64 * 4096));
    const fixed_codebook own{.levels = {-0.0f, 1, 2.5f, -3e-40f}, .block = 32, .double_quantized = true};
    CHECK(to_string(own).starts_with("table:levels=800000003f80000040200000800"));
    CHECK(parse_scheme(to_string(own)) == any_scheme(own));
    fixed_codebook positive_zeros{.levels = fp4_levels};
    positive_zeros.levels[8] = 0.0f;
    CHECK(to_string(positive_zeros).starts_with("table:"));
    CHECK_THROWS_WITH(parse_scheme("table"), Catch::Contains(":levels="));
    CHECK_THROWS_WITH(parse_scheme("table:levels=12"), Catch::Contains("2 digits, not 128"));
    CHECK_THROWS_WITH(parse_scheme("table:levels=" + std::string(127, '0') + "g"), Catch::Contains("digit 120"));
    CHECK_THROWS_WITH(parse_scheme("table:levels=" + std::string(128, '0')), Catch::Contains("all levels are 0"));
    CHECK_THROWS_WITH(parse_scheme("table:levels=7f800000" + std::string(120, '0')), Catch::Contains("not finite"));
}

TEST_CASE("double quantization costs little") {
    const auto x = golden_gaussian({64, 256});
    const double plain = sqnr_db(x, dequantize(quantize(x, nf4{})));
    const double doubled = sqnr_db(x, dequantize(quantize(x, nf4{.double_quantized = true})));
    CHECK(doubled > plain - 0.05);
    tensor<float> zeros({64, 256});
    CHECK(dequantize(quantize(zeros, nf4{.double_quantized = true})) == zeros);
}

TEST_CASE("a table of one's own: sixteen even levels are int4") {
    fixed_codebook even{.block = 32};
    for (std::size_t i = 0; i < 16; ++i) even.levels[i] = static_cast<float>(i) - 8.0f;
    const auto x = golden_gaussian({8, 64});
    const auto y = dequantize(quantize(x, even));
    for (std::ptrdiff_t first = 0; first < x.size(); first += 32) {
        float amax = 0;
        for (std::ptrdiff_t i = first; i < first + 32; ++i) amax = std::max(amax, std::abs(x[i]));
        for (std::ptrdiff_t i = first; i < first + 32; ++i) {
            const float slack = x[i] > 7.5f / 8 * amax ? 1.01f : 0.501f;  // there is no level +8
            CHECK(std::abs(y[i] - x[i]) <= slack * amax / 8);
        }
    }
    CHECK_THROWS_WITH(quantize(x, fixed_codebook{.levels = {}}), Catch::Contains("all levels are 0"));
    CHECK_THROWS_WITH(quantize(x, fixed_codebook{.levels = {INFINITY}}), Catch::Contains("not finite"));
}

TEST_CASE("scales that float16 cannot hold are refused by their block") {
    std::vector<float> x(64, 1.0f);
    x[40] = 1e9f;
    CHECK_THROWS_WITH(quantize(x, iq4nl{}), Catch::Contains("block 1") && Catch::Contains("float16"));
    CHECK_NOTHROW(quantize(x, nf4{}));
}

TEST_CASE("parts of a fixed_codebook tensor that do not fit are refused") {
    const auto q = quantize(golden_gaussian({4, 64}), nf4{});
    CHECK(fixed_codebook_tensor(q.scheme(), q.shape(), q.packed(), q.scales()) == q);
    auto scales = q.scales();
    scales.plain[3] = INFINITY;
    CHECK_THROWS_WITH(fixed_codebook_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("block 3"));
    scales.plain.pop_back();
    CHECK_THROWS_WITH(fixed_codebook_tensor(q.scheme(), q.shape(), q.packed(), scales),
                      Catch::Contains("3 scales for 4"));
    CHECK_THROWS_WITH(fixed_codebook_tensor(nf4{.double_quantized = true}, q.shape(), q.packed(), q.scales()),
                      Catch::Contains("0 scale codes"));
}
