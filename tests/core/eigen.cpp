// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/eigen.hpp>

#include <catch2/catch.hpp>

#include <numeric>
#include <type_traits>

using lowbit::tensor;

namespace {

tensor<float> counted(const lowbit::tensor_shape& shape) {
    tensor<float> values(shape);
    std::iota(values.begin(), values.end(), 0.0f);
    return values;
}

}  // namespace

TEST_CASE("as_matrix: first axis rows, all others columns, over the same memory") {
    tensor<float> values = counted({2, 3, 4});
    auto matrix = lowbit::as_matrix(values);
    CHECK(matrix.rows() == 2);
    CHECK(matrix.cols() == 12);
    CHECK(matrix(1, 5) == 17);
    matrix(1, 5) = -1;
    CHECK(values(1, 1, 1) == -1);
    CHECK(matrix.data() == values.data());
}

TEST_CASE("as_matrix: vectors and scalars are one row") {
    const tensor<float> vector = counted({5});
    CHECK(lowbit::as_matrix(vector).rows() == 1);
    CHECK(lowbit::as_matrix(vector).cols() == 5);
    const tensor<float> scalar = counted({});
    CHECK(lowbit::as_matrix(scalar).size() == 1);
    CHECK(lowbit::as_matrix(tensor<float>({0, 4})).size() == 0);
}

TEST_CASE("as_matrix: products are Eigen's") {
    const tensor<float> a = counted({2, 3}), b = counted({3, 2});
    const lowbit::row_matrix<float> product = lowbit::as_matrix(a) * lowbit::as_matrix(b);
    CHECK(product(0, 0) == 10);
    CHECK(product(1, 1) == 40);
}

TEST_CASE("maps of constant data are constant") {
    const tensor<float> values = counted({2, 2});
    using reference = decltype(lowbit::as_matrix(values)(0, 0));
    static_assert(std::is_const_v<std::remove_reference_t<reference>> || !std::is_reference_v<reference>);
    CHECK(lowbit::as_matrix(values).sum() == 6);
}

TEST_CASE("as_array: every element in memory order") {
    tensor<float> values = counted({2, 3});
    lowbit::as_array(values.view()) *= 2.0f;
    CHECK(values(1, 2) == 10);
    CHECK(lowbit::as_array(std::as_const(values).view()).sum() == 30);
}
