// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/vsq.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("VS-Quant, both orders, gamma per channel and per tensor, any vector") {
    check_scheme(vsq{}, 18.0, true);
    check_scheme(vsq{.order = vsq_order::a}, 17.0, true);
    check_scheme(vsq{.gamma = vsq_gamma_of::tensor}, 18.0, false);
    check_scheme(vsq{.bits = 8, .scale_bits = 8}, 40.0, true);
    check_scheme(vsq{.bits = 3, .scale_bits = 5, .vector = 7}, 12.0, true);
    check_scheme(vsq{.bits = 6, .scale_bits = 10, .vector = 64, .gamma = vsq_gamma_of::tensor}, 28.0, false);
    check_refuses_nan(vsq{});
}

TEST_CASE("unsigned elements for values that are not negative") {
    tensor<float> x = golden_gaussian({16, 100});
    for (float& v : x) v = std::max(v, 0.0f);
    const double with = sqnr_db(x, dequantize(quantize(x, vsq{.is_signed = false})));
    const double without = sqnr_db(x, dequantize(quantize(x, vsq{})));
    CHECK(with > without + 5);
    CHECK(to_string(vsq{.is_signed = false}) == "vsq4s4v16:unsigned");
    CHECK(parse_scheme("vsq4s4v16:unsigned") == any_scheme(vsq{.is_signed = false}));
    x(0, 0) = -5.0f;
    CHECK(dequantize(quantize(x, vsq{.is_signed = false}))(0, 0) == 0.0f);
}

TEST_CASE("gamma belongs to channels of axis 0; sizes count it") {
    const tensor<float> x = golden_gaussian({8, 3, 64});
    const auto q = quantize(x, vsq{});
    CHECK(q.scales().gamma.size() == 8);
    CHECK(quantize(x, vsq{.gamma = vsq_gamma_of::tensor}).scales().gamma.size() == 1);
    CHECK(quantize(golden_gaussian({64}), vsq{}).scales().gamma.size() == 1);
    const tensor_shape shape{64, 4096};
    CHECK(bits_per_element(vsq{}, shape) == 4.25 + 32.0 / 4096);
    tensor<float> scaled = x;
    for (std::ptrdiff_t i = 0; i < 192; ++i) scaled[192 + i] *= 1024;  // the second channel
    const auto other = quantize(scaled, vsq{});
    CHECK(other.codes() == q.codes());
    CHECK(other.scales().vectors == q.scales().vectors);
    CHECK(other.scales().gamma[1] == 1024 * q.scales().gamma[1]);
}

TEST_CASE("names of VS-Quant") {
    CHECK(parse_scheme("vsq4s6v32:order=A:gamma=tensor") ==
          any_scheme(
              vsq{.bits = 4, .scale_bits = 6, .vector = 32, .order = vsq_order::a, .gamma = vsq_gamma_of::tensor}));
    for (const char* wrong : {"vsq", "vsq4", "vsq4s4", "vsq4s4v", "vsq4s4v16x", "vsq4v16s4"}) {
        CHECK_THROWS_WITH(parse_scheme(wrong), Catch::Contains("unknown name"));
    }
    CHECK_THROWS_WITH(parse_scheme("vsq9s4v16"), Catch::Contains("2 to 8"));
    CHECK_THROWS_WITH(parse_scheme("vsq4s17v16"), Catch::Contains("1 to 16"));
    CHECK_THROWS_WITH(parse_scheme("vsq4s4v0"), Catch::Contains("at least 1"));
    CHECK_THROWS_WITH(parse_scheme("vsq4s4v16:scale=mse"), Catch::Contains("does not apply"));
}

TEST_CASE("parts of a vsq tensor that do not fit are refused") {
    const auto q = quantize(golden_gaussian({4, 60}), vsq{});
    CHECK(vsq_tensor(q.scheme(), q.shape(), q.packed(), q.scales()) == q);
    auto scales = q.scales();
    scales.gamma.pop_back();
    CHECK_THROWS_WITH(vsq_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("3 gammas for 4"));
    scales = q.scales();
    scales.gamma[2] = INFINITY;
    CHECK_THROWS_WITH(vsq_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("channel 2"));
    scales = q.scales();
    scales.vectors = packed_codes(16, 5, false);
    CHECK_THROWS_WITH(vsq_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("scales of 5 bits"));
}
