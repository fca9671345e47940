// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/fake_quantize.hpp>

#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using lowbit::affine;
using lowbit::affine_params;
using lowbit::tensor;

namespace {

affine scheme_of(int bits, bool is_signed) {
    return {.bits = bits, .symmetric = false, .is_signed = is_signed, .codes = lowbit::affine_codes::full};
}

struct result {
    tensor<float> values, gradients;
};

result run(const tensor<float>& x, const tensor<float>& upstream, const affine& s,
           std::span<const affine_params> params) {
    result r{tensor<float>(x.shape()), tensor<float>(x.shape())};
    lowbit::fake_quantize(x, s, params, r.values);
    lowbit::fake_quantize_backward(x, upstream, s, params, r.gradients);
    return r;
}

}  // namespace

TEST_CASE("golden: forward and gradient of a straight-through step, exactly") {
    const struct {
        const char* name;
        int bits;
        bool is_signed;
        affine_params params;
    } cases[] = {{"fq_u8", 8, false, {0.1f, 128}},
                 {"fq_s8", 8, true, {0.1f, 0}},
                 {"fq_s4", 4, true, {0.35f, 0}},
                 {"fq_u4_zp3", 4, false, {0.4f, 3}}};
    for (const auto& c : cases) {
        INFO(c.name);
        const auto part = [&](const char* suffix) {
            return golden::load<float>(std::string("qat/") + c.name + suffix);
        };
        const auto r = run(part(".x.npy"), part(".g.npy"), scheme_of(c.bits, c.is_signed), std::span(&c.params, 1));
        CHECK(r.values == part(".y.npy"));
        CHECK(r.gradients == part(".dx.npy"));
    }
}

TEST_CASE("golden: torch's fake_quantize per tensor and per channel, exactly") {
    const auto x = golden::load<float>("formats/in_gauss.npy");
    tensor<float> upstream(x.shape());
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) upstream[i] = static_cast<float>(i % 17 - 8);
    const struct {
        int bits;
        float scale;
        int zero_point;
    } affine_cases[] = {
        {2, 2.0f, 2}, {3, 0.8571428656578064f, 3}, {4, 0.4000000059604645f, 7}, {8, 0.0235294122248888f, 127}};
    for (const auto& c : affine_cases) {
        for (const bool symmetric : {false, true}) {
            const std::string name =
                std::string("torch/torch_fq_gauss_b") + char('0' + c.bits) + (symmetric ? "_sym" : "_aff") + ".npy";
            INFO(name);
            const auto expected = golden::load<float>(name);
            const affine_params params{c.scale, symmetric ? 0 : c.zero_point};
            const auto r = run(x, upstream, scheme_of(c.bits, symmetric), std::span(&params, 1));
            for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
                REQUIRE(r.values[i] == expected(0, i));
                REQUIRE(r.gradients[i] == expected(1, i));
            }
        }
    }
    auto heavy = golden::load<float>("torch/torch_in_student4.npy");
    heavy.reshape({64, 64});
    for (const int bits : {3, 8}) {
        const std::string name = "torch/torch_fqpc_student4_b" + std::to_string(bits);
        const auto expected = golden::load<float>(name + ".npy"), scales = golden::load<float>(name + "_scales.npy");
        std::vector<affine_params> params;
        for (const float scale : scales) params.push_back({scale, 0});
        affine s = scheme_of(bits, true);
        s.granularity = lowbit::per_channel(0);
        const auto r = run(heavy, tensor<float>(heavy.shape(), 1.0f), s, params);
        for (std::ptrdiff_t i = 0; i < heavy.size(); ++i) {
            REQUIRE(r.values[i] == expected[i]);
            REQUIRE(r.gradients[i] == expected[heavy.size() + i]);
        }
    }
}

TEST_CASE("forward is what quantize stores, at every granularity; the mask is that of the unclamped code") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    tensor<float> x({6, 10, 200});
    for (float& v : x) v = std::nearbyint(8 * normal(random)) / 16;  // ties abound
    lowbit::thread_pool pool(2);
    for (const auto& granularity : {lowbit::per_tensor(), lowbit::per_channel(0), lowbit::per_channel(2),
                                    lowbit::per_group(-1, 64), lowbit::per_group(1, 4)}) {
        for (const auto ties : {lowbit::ties::even, lowbit::ties::away}) {
            const affine s{.bits = 3, .symmetric = false, .granularity = granularity, .ties = ties};
            const lowbit::partition sets(x.shape(), granularity);
            std::vector<affine_params> params;
            for (std::ptrdiff_t i = 0; i < sets.count(); ++i)
                params.push_back({0.125f * static_cast<float>(1 + i % 3), static_cast<int>(i % 5) - 2});
            tensor<float> values(x.shape()), gradients(x.shape()), upstream(x.shape(), 3.0f);
            lowbit::fake_quantize(x, s, params, values, pool);
            CHECK(values == lowbit::dequantize(lowbit::quantize(x, s, params)));
            lowbit::fake_quantize_backward(x, upstream, s, params, gradients, pool);
            std::ptrdiff_t wrong = 0;
            for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
                const auto [scale, zero] = params[static_cast<std::size_t>(sets.set_of(i))];
                const float code = lowbit::round_to_integer(x[i] * (1 / scale), ties) + static_cast<float>(zero);
                const bool passes = code >= static_cast<float>(s.lowest()) && code <= static_cast<float>(s.highest());
                wrong += gradients[i] != (passes ? 3.0f : 0.0f);
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("any scheme has a forward pass") {
    tensor<float> x({4}, std::vector<float>{-1, 0.1f, 0.9f, 2});
    CHECK(lowbit::fake_quantize(x, lowbit::kmeans{.bits = 2}) == x);
    CHECK(lowbit::fake_quantize(x, affine{.bits = 4}) == lowbit::dequantize(lowbit::quantize(x, affine{.bits = 4})));
}

TEST_CASE("sizes and parameters that do not fit are refused") {
    tensor<float> x({4}), out({3});
    const affine_params params{1, 0}, bad{0, 0};
    CHECK_THROWS_WITH(lowbit::fake_quantize(x, affine{}, std::span(&params, 1), out), Catch::Contains("[4] into [3]"));
    CHECK_THROWS_WITH(lowbit::fake_quantize(x, affine{}, std::span(&bad, 1), x), Catch::Contains("scale 0"));
    CHECK_THROWS_WITH(lowbit::fake_quantize_backward(x, out, affine{}, std::span(&params, 1), x),
                      Catch::Contains("3 gradients"));
}
