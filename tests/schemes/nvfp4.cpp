// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/nvfp4.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("NVFP4 with its own and other blocks, standard and searched scales") {
    check_scheme(nvfp4{}, 19.0, false);
    check_scheme(nvfp4{.scale = block_scale::mse}, 20.0, false);
    check_scheme(nvfp4{.block = 13}, 19.0, false);
    check_scheme(nvfp4{.block = 32, .scale = block_scale::mse}, 19.0, false);
    check_refuses_nan(nvfp4{});
}

TEST_CASE("names, sizes and parts of NVFP4") {
    CHECK(parse_scheme("nvfp4:block=32:scale=mse") == any_scheme(nvfp4{32, block_scale::mse}));
    CHECK_THROWS_WITH(parse_scheme("nvfp4:double"), Catch::Contains("does not apply"));
    CHECK_THROWS_WITH(parse_scheme("nvfp4:block=0"), Catch::Contains("at least 1"));
    CHECK(bits_per_element(nvfp4{}, {64, 128}) == 4.5 + 32.0 / (64 * 128));
    const auto q = quantize(golden_gaussian({4, 64}), nvfp4{});
    CHECK(nvfp4_tensor(q.scheme(), q.shape(), q.packed(), q.scales()) == q);
    auto scales = q.scales();
    scales.tensor = INFINITY;
    CHECK_THROWS_WITH(nvfp4_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("not finite"));
    scales.blocks.clear();
    CHECK_THROWS_WITH(nvfp4_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("0 scales for 16"));
}

TEST_CASE("importance steers the search") {
    const tensor<float> x = golden_gaussian({16, 64});
    std::vector<float> importance(1024, 1.0f);
    for (std::size_t i = 0; i < 1024; i += 8) importance[i] = 1e4f;
    const auto weighted = dequantize(quantize(x, nvfp4{.scale = block_scale::mse}, importance));
    const auto plain = dequantize(quantize(x, nvfp4{.scale = block_scale::mse}));
    double with = 0, without = 0;
    for (std::ptrdiff_t i = 0; i < 1024; i += 8) {
        with += std::pow(x[i] - weighted[i], 2);
        without += std::pow(x[i] - plain[i], 2);
    }
    CHECK(with < 0.7 * without);
}

TEST_CASE("vectors of float16 and bfloat16 are sources as vectors of float are") {
    std::vector<float> x(64);
    std::vector<float16> halves;
    std::vector<bfloat16> brains;
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>(i) * 0.25f - 7;
        halves.emplace_back(x[i]);
        brains.emplace_back(x[i]);
    }
    CHECK(quantize(halves, nvfp4{}) == quantize(x, nvfp4{}));
    CHECK(quantize(std::span<const bfloat16>(brains), nvfp4{}) == quantize(x, nvfp4{}));
}
