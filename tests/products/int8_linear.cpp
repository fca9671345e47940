// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reference.hpp>
#include <lowbit/products/int8_linear.hpp>

#include <catch2/catch.hpp>

using codes = Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic>;  // column-major

namespace {

codes random_codes(Eigen::Index rows, Eigen::Index columns) {
    codes values(rows, columns);
    for (Eigen::Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<std::int8_t>(i * 37 % 251 - 125);
    return values;
}

}  // namespace

TEST_CASE("Eigen matrices on both sides, in either order") {
    const codes x = random_codes(7, 33);
    const lowbit::row_matrix<std::int8_t> w = random_codes(20, 33);
    const lowbit::int8_linear layer({33, 20}, {.weights = w.data(), .output_type = lowbit::code_type::s32});
    const Eigen::MatrixXi expected = x.cast<int>() * w.cast<int>().transpose();
    CHECK((lowbit::linear<std::int32_t>(layer, x).array() == expected.array()).all());
    const lowbit::row_matrix<std::int8_t> x_rows = x;
    CHECK((lowbit::linear<std::int32_t>(layer, x_rows).array() == expected.array()).all());
    CHECK((lowbit::linear<std::int32_t>(layer, x.topRows(3)).array() == expected.topRows(3).array()).all());
    CHECK(layer.bytes() >= 33 * 20);
}

TEST_CASE("copies are independent; convolutions own their weights too") {
    const lowbit::conv2d_shape shape{5, 6, 3, 4, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1};
    const codes x = random_codes(90, 1), w = random_codes(108, 1);
    const lowbit::multiplier factor = lowbit::make_multiplier(0.01);
    const lowbit::integer_layer spec{
        .weights = w.data(), .input_zero_point = 5, .output = {.multipliers = {&factor, 1}}};
    std::vector<std::int8_t> expected(120), y(120);
    lowbit::reference::conv2d(1, shape, x.data(), 5, w.data(), {}, spec.output, expected.data());
    const auto make = [&] {
        const lowbit::int8_conv2d original(shape, spec);
        return lowbit::int8_conv2d(original);
    };
    const lowbit::int8_conv2d layer = make();
    layer.run(1, x.data(), y.data());
    CHECK(y == expected);

    const lowbit::depthwise_shape deep{5, 6, 3, shape.window, 1};
    std::vector<std::int8_t> deep_expected(90), deep_y(90);
    lowbit::reference::depthwise(1, deep, x.data(), 5, w.data(), {}, spec.output, deep_expected.data());
    const lowbit::int8_depthwise deep_layer(deep, spec);
    deep_layer.run(1, x.data(), deep_y.data());
    CHECK(deep_y == deep_expected);
}

TEST_CASE("errors say what and where") {
    const std::int8_t w[4] = {};
    const lowbit::multiplier factors[] = {lowbit::make_multiplier(0.1), {3, 0}};
    CHECK_THROWS_WITH(lowbit::int8_linear({2, 2}, {.weights = w, .output = {.multipliers = factors}}),
                      Catch::Contains("channel 1") && Catch::Contains("m0"));
    CHECK_THROWS_WITH(
        lowbit::int8_linear({2, 2}, {.weights = w, .input_zero_point = 300, .output = {.multipliers = factors}}),
        Catch::Contains("zero point"));
    const lowbit::int8_linear layer({2, 2}, {.weights = w, .output_type = lowbit::code_type::s32});
    CHECK_THROWS_WITH(lowbit::linear<std::int32_t>(layer, codes(3, 5)), Catch::Contains("[3, 5]"));
    CHECK_THROWS_WITH(lowbit::linear<std::int8_t>(layer, codes(3, 2)), Catch::Contains("types"));
    if (layer.kernel() != lowbit::isa::scalar) {
        lowbit::set_isa(lowbit::isa::scalar);
        CHECK_THROWS_WITH(lowbit::linear<std::int32_t>(layer, codes(3, 2)), Catch::Contains("not in use"));
        lowbit::reset_isa();
    }
}
