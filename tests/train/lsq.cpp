// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/lsq.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using lowbit::affine;
using lowbit::affine_params;
using lowbit::tensor;

namespace {

tensor<float> part(const std::string& name) { return golden::load<float>("qat/" + name + ".npy"); }

affine learned_scheme(int bits, bool is_signed, const lowbit::granularity& granularity = lowbit::per_tensor()) {
    return {.bits = bits,
            .symmetric = is_signed,
            .granularity = granularity,
            .is_signed = is_signed,
            .codes = lowbit::affine_codes::full};
}

}  // namespace

TEST_CASE("golden: LSQ of weights, activations and channels") {
    const struct {
        const char* name;
        affine scheme;
    } cases[] = {{"lsq_w4", learned_scheme(4, true)},
                 {"lsq_a4", learned_scheme(4, false)},
                 {"lsq_w4_pc", learned_scheme(4, true, lowbit::per_channel(0))}};
    for (const auto& c : cases) {
        INFO(c.name);
        const std::string name = c.name;
        const auto x = part(name + ".x"), upstream = part(name + ".g"), expected = part(name + ".dx");
        const auto scales = part(name + ".s"), scale_gradients = part(name + ".ds");
        std::vector<affine_params> params;
        for (const float s : scales) params.push_back({s, 0});
        tensor<float> values(x.shape()), gradients(x.shape());
        lowbit::fake_quantize(x, c.scheme, params, values);
        CHECK(values == part(name + ".y"));
        const auto learned = lowbit::lsq_backward(x, upstream, c.scheme, params, gradients);
        for (std::ptrdiff_t i = 0; i < x.size(); ++i) CHECK(gradients[i] == Approx(expected[i]).epsilon(1e-6));
        for (std::size_t i = 0; i < params.size(); ++i) {
            CHECK(learned.scale[i] == Approx(scale_gradients[static_cast<std::ptrdiff_t>(i)]).margin(1e-6));
        }
        if (name == "lsq_w4") CHECK(lowbit::lsq_start(x, c.scheme)[0].scale == Approx(scales[0]).epsilon(1e-6));
    }
}

TEST_CASE("golden: torch's learnable fake quantization, scale and zero point") {
    const struct {
        const char* name;
        int bits;
        float scale, factor;
        double scale_gradient, zero_gradient;
    } cases[] = {{"fq_s8", 8, 0.1f, 1.0f, 90.46647644042969, -0.06901953369379044},
                 {"fq_s4", 4, 0.35f, 0.03450327796711771f, -0.288160502910614, 0.036760903894901276}};
    for (const auto& c : cases) {
        const auto x = part(std::string(c.name) + ".x"), upstream = part(std::string(c.name) + ".g");
        const affine_params params{c.scale, 0};
        tensor<float> gradients(x.shape());
        const auto learned = lowbit::lsq_backward(x, upstream, learned_scheme(c.bits, true), std::span(&params, 1),
                                                  gradients, false, lowbit::gradient_mask::rounded);
        CHECK(learned.scale[0] * c.factor == Approx(c.scale_gradient).epsilon(1e-5));
        CHECK(learned.zero_point[0] * c.factor == Approx(c.zero_gradient).epsilon(1e-4));
        CHECK(gradients == part(std::string(c.name) + ".dx"));
    }
    // The same of 4096 gaussian values, upstream (i mod 17) − 8.
    const auto x = golden::load<float>("formats/in_gauss.npy");
    tensor<float> upstream(x.shape()), gradients(x.shape());
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) upstream[i] = static_cast<float>(i % 17 - 8);
    affine s = learned_scheme(4, false);
    s.symmetric = false;
    const affine_params params{0.4000000059604645f, 7};
    const auto learned =
        lowbit::lsq_backward(x, upstream, s, std::span(&params, 1), gradients, false, lowbit::gradient_mask::rounded);
    CHECK(learned.scale[0] == Approx(19.04753875732422).epsilon(1e-4));
    CHECK(learned.zero_point[0] == Approx(-6.0).epsilon(1e-5));
}

TEST_CASE("learning S by its gradient finds a better S") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    tensor<float> x({4096}), values({4096}), upstream({4096}), unused({4096});
    for (float& v : x) v = normal(random);
    const affine s{.bits = 3};
    auto params = lowbit::lsq_start(x, s);
    params[0].scale *= 2;
    const auto step = [&] {
        lowbit::fake_quantize(x, s, params, values);
        double error = 0;
        for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
            upstream[i] = values[i] - x[i];
            error += double{upstream[i]} * double{upstream[i]} / 4096;
        }
        const auto learned = lowbit::lsq_backward(x, upstream, s, params, unused);
        params[0] = lowbit::lsq_params(params[0].scale - 0.01f * learned.scale[0], 0, s);
        return error;
    };
    for (int i = 0; i < 100; ++i) step();
    CHECK(step() < 0.049);  // the optimum of a gaussian at 3 bits, narrow, is 0.04686
}

TEST_CASE("parameters that left the range come back") {
    const affine symmetric{.bits = 4}, asymmetric{.bits = 4, .symmetric = false};
    CHECK(lowbit::lsq_params(-1, 3, symmetric) == affine_params{0x1p-100f, 0});
    CHECK(lowbit::lsq_params(NAN, 0, symmetric).scale == 0x1p-100f);
    CHECK(lowbit::lsq_params(INFINITY, 0, symmetric).scale == 0x1p100f);
    CHECK(lowbit::lsq_params(0.5f, 2.6f, asymmetric) == affine_params{0.5f, 3});
    CHECK(lowbit::lsq_params(0.5f, 99, asymmetric).zero_point == 7);
    CHECK(lowbit::lsq_start(tensor<float>({4}), symmetric)[0].scale > 0);
    tensor<float> x({4}), small({3});
    const affine_params params{1, 0};
    CHECK_THROWS_WITH(lowbit::lsq_backward(x, small, symmetric, std::span(&params, 1), x),
                      Catch::Contains("3 gradients"));
}
