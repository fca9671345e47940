// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/gptq_blocks.hpp>

#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/any.hpp>

#include <tests/support/gaussian.hpp>

#include <catch2/catch.hpp>

using lowbit::tensor;

namespace {

template <class S>
void check_gain(const S& scheme, double share) {
    INFO(to_string(scheme));
    auto w = gaussian({70, 200}, 1);
    for (std::ptrdiff_t i = 0; i < 64; ++i) w[i] = 0;  // blocks of zeros
    lowbit::input_moments moments(200);
    moments.observe(gaussian({500, 200}, 2, 0.8f));
    const auto gram = moments.gram();
    const auto nearest = lowbit::quantize(w, scheme);
    const double plain = lowbit::output_error(w, lowbit::dequantize(nearest), gram);
    lowbit::thread_pool pool(2);
    for (const bool ordered : {false, true}) {
        const auto q = lowbit::gptq(w, gram, scheme, {.activation_order = ordered});
        CHECK(q.scales() == nearest.scales());
        CHECK(q == lowbit::gptq(w, gram, scheme, {.activation_order = ordered}, pool));
        CHECK(lowbit::output_error(w, lowbit::dequantize(q), gram) < share * plain);
    }
    const tensor<float> zeros({2, 200});
    CHECK(lowbit::dequantize(lowbit::gptq(zeros, gram, scheme)) == zeros);
    w[7] = NAN;
    CHECK_THROWS_WITH(lowbit::gptq(w, gram, scheme), Catch::Contains("index 7"));
}

}  // namespace

TEST_CASE("the output error falls, the scales stay, the executor does not matter") {
    check_gain(lowbit::ocp_mx{lowbit::mx_element::e2m1}, 0.65);
    check_gain(lowbit::ocp_mx{lowbit::mx_element::e3m2}, 0.65);
    check_gain(lowbit::ocp_mx{lowbit::mx_element::e5m2}, 0.65);
    check_gain(lowbit::ocp_mx{lowbit::mx_element::int8}, 0.65);
    check_gain(lowbit::nvfp4{}, 0.65);
    check_gain(lowbit::fixed_codebook{}, 0.65);
    check_gain(std::get<lowbit::fixed_codebook>(lowbit::parse_scheme("iq4nl").value()), 0.65);
    check_gain(lowbit::fixed_codebook{.double_quantized = true}, 0.65);
}

TEST_CASE("blocks along another axis are refused") {
    const auto w = gaussian({4, 8}, 1);
    CHECK_THROWS_WITH(lowbit::gptq(w, Eigen::MatrixXd::Identity(8, 8), lowbit::ocp_mx{.axis = 0}),
                      Catch::Contains("last axis"));
}
