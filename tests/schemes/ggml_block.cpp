// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/ggml_block.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("every GGUF layout, standard and searched scales") {
    for (const ggml_type type : {ggml_type::q4_0, ggml_type::q4_1, ggml_type::q8_0, ggml_type::q4_k, ggml_type::q6_k,
                                 ggml_type::iq4_nl, ggml_type::mx_fp4}) {
        check_scheme(ggml_block{type}, 17.0, true);
        check_scheme(ggml_block{type, block_scale::mse}, 17.0, true);
        check_refuses_nan(ggml_block{type});
    }
}

TEST_CASE("blocks come from files and go to files") {
    const auto blocks = load<std::uint8_t>("formats/ggml_gauss_q4_K.blocks.npy");
    const auto values = load<float>("formats/ggml_gauss_q4_K.deq.npy");
    const ggml_tensor q(ggml_block{ggml_type::q4_k}, {8, 512}, blocks.span());
    CHECK(std::equal(q.blocks().begin(), q.blocks().end(), blocks.begin(), blocks.end()));
    const auto y = dequantize(q);
    for (std::ptrdiff_t i = 0; i < 4096; ++i) REQUIRE(y[i] == values[i]);
    CHECK_THROWS_WITH(ggml_tensor(ggml_block{ggml_type::q4_k}, {8, 511}, blocks.span().subspan(1)),
                      Catch::Contains("2303 bytes") && Catch::Contains("2304"));
    const auto q8 = quantize(golden_gaussian({4, 64}), ggml_block{ggml_type::q8_0});
    CHECK(q8.codes()(0, 0) == static_cast<std::int8_t>(q8.blocks()[2]));
}

TEST_CASE("names and sizes of GGUF layouts") {
    CHECK(parse_scheme("q4_k:scale=mse") == any_scheme(ggml_block{ggml_type::q4_k, block_scale::mse}));
    CHECK(parse_scheme("q6_k") == any_scheme(ggml_block{ggml_type::q6_k}));
    CHECK_THROWS_WITH(parse_scheme("q4_0:block=64"), Catch::Contains("does not apply"));
    const tensor_shape shape{4, 256};
    CHECK(bits_per_element(ggml_block{ggml_type::q4_0}, shape) == 4.5);
    CHECK(bits_per_element(ggml_block{ggml_type::q4_1}, shape) == 5);
    CHECK(bits_per_element(ggml_block{ggml_type::q8_0}, shape) == 8.5);
    CHECK(bits_per_element(ggml_block{ggml_type::q4_k}, shape) == 4.5);
    CHECK(bits_per_element(ggml_block{ggml_type::q6_k}, shape) == 6.5625);
    CHECK(bits_per_element(ggml_block{ggml_type::iq4_nl}, shape) == 4.5);
    CHECK(bits_per_element(ggml_block{ggml_type::mx_fp4}, shape) == 4.25);
}

TEST_CASE("values whose scale float16 cannot hold are refused by index") {
    std::vector<float> x(64, 1.0f);
    x[40] = -1e10f;
    for (const ggml_type type :
         {ggml_type::q4_0, ggml_type::q4_1, ggml_type::q8_0, ggml_type::q4_k, ggml_type::q6_k, ggml_type::iq4_nl}) {
        CHECK_THROWS_WITH(quantize(x, ggml_block{type}), Catch::Contains("index 40"));
    }
    CHECK_NOTHROW(quantize(x, ggml_block{ggml_type::mx_fp4}));
    x[40] = 65504.0f;
    for (const ggml_type type :
         {ggml_type::q4_0, ggml_type::q4_1, ggml_type::q8_0, ggml_type::q4_k, ggml_type::q6_k, ggml_type::iq4_nl}) {
        CHECK(dequantize(quantize(x, ggml_block{type}))[40] == Approx(65504.0f).epsilon(0.15));
    }
}
