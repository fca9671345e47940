// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/microexponent.hpp>

#include <tests/support/schemes.hpp>

using namespace lowbit;
using namespace schemes_test;

TEST_CASE("MX9, MX6, MX4, MSFP16, MSFP12 and others") {
    check_scheme(mx9{}, 44.0, true);
    check_scheme(mx6{}, 26.0, true);
    check_scheme(mx4{}, 14.0, true);
    check_scheme(msfp12{}, 16.0, true);
    check_scheme(microexponent<7>{.pair = 0}, 41.0, true);
    check_scheme(mx9{.block = 7, .pair = 3, .ties = ties::away}, 40.0, true);
    check_scheme(mx4{.block = 64, .pair = 0}, 7.0, true);
    check_stores_nan(mx9{});
    check_stores_nan(msfp12{});
}

TEST_CASE("names and sizes of microexponents") {
    const tensor_shape shape{64, 128};
    CHECK(bits_per_element(mx9{}, shape) == 9);
    CHECK(bits_per_element(mx6{}, shape) == 6);
    CHECK(bits_per_element(mx4{}, shape) == 4);
    CHECK(bits_per_element(msfp16{}, shape) == 8.5);
    CHECK(bits_per_element(msfp12{}, shape) == 4.5);
    CHECK(parse_scheme("msfp16") == any_scheme(msfp16{}));
    CHECK(parse_scheme("mx9:pair=0") == parse_scheme("msfp16"));
    CHECK(to_string(parse_scheme("mx6:block=32:pair=4:ties=away")) == "mx6:ties=away:block=32:pair=4");
    CHECK(to_string(parse_scheme("msfp12:pair=2")) == "msfp12:pair=2");
    CHECK_THROWS_WITH(parse_scheme("mx9:block=0"), Catch::Contains("at least 1"));
    CHECK_THROWS_WITH(parse_scheme("mx9:scale=mse"), Catch::Contains("does not apply"));
    CHECK_THROWS_WITH(quantize(std::vector<float>(4), mx9{.pair = -1}), Catch::Contains("pair size is -1"));
    CHECK_THROWS_WITH(quantize(std::vector<float>(4), mx9{.block = 0}), Catch::Contains("block size is 0"));
}

TEST_CASE("any number of mantissa bits works without a name") {
    const auto x = golden_gaussian({4, 64});
    double last = 0;
    const auto rises = [&](double db) {
        CHECK(db > last + 4);
        last = db;
    };
    rises(sqnr_db(x, dequantize(quantize(x, microexponent<1>{}))));
    rises(sqnr_db(x, dequantize(quantize(x, microexponent<5>{}))));
    rises(sqnr_db(x, dequantize(quantize(x, microexponent<10>{}))));
    rises(sqnr_db(x, dequantize(quantize(x, microexponent<15>{}))));
}

TEST_CASE("parts of a microexponent tensor that do not fit are refused") {
    const auto q = quantize(golden_gaussian({4, 60}), mx9{});
    using mx9_tensor = microexponent_tensor<7>;
    CHECK(mx9_tensor(q.scheme(), q.shape(), q.packed(), q.scales()) == q);
    auto scales = q.scales();
    scales.shifts = packed_codes(3, 1, false);
    CHECK_THROWS_WITH(mx9_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("3 pair bits for 120"));
    scales = q.scales();
    scales.exponents.clear();
    CHECK_THROWS_WITH(mx9_tensor(q.scheme(), q.shape(), q.packed(), scales), Catch::Contains("0 scales for 16"));
}
