// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/source.hpp>

#include <Eigen/Core>
#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

using lowbit::tensor;
using lowbit::tensor_shape;

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Matrix>
Matrix counted(Eigen::Index rows, Eigen::Index columns) {
    Matrix matrix(rows, columns);
    for (Eigen::Index r = 0; r < rows; ++r) {
        for (Eigen::Index c = 0; c < columns; ++c) matrix(r, c) = static_cast<float>(r * columns + c);
    }
    return matrix;
}

/// 0, 1, 2, … in row order, under the shape.
template <class Values>
bool counts(const Values& values, const tensor_shape& shape) {
    if (values.shape() != shape) return false;
    for (std::ptrdiff_t i = 0; i < values.size(); ++i) {
        if (values[i] != static_cast<float>(i)) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("read borrows what is in row order already") {
    std::vector<float> numbers{0, 1, 2, 3, 4, 5};
    const std::array<float, 3> array{0, 1, 2};
    const float plain[2] = {0, 1};
    const tensor<float> owned({2, 3}, numbers);
    row_major matrix = counted<row_major>(2, 3);
    const Eigen::VectorXf vector = counted<Eigen::VectorXf>(4, 1);

    const auto same = [](const auto& values, const float* data) { return values.view().data() == data; };
    CHECK(counts(lowbit::read(numbers), {6}));
    CHECK(same(lowbit::read(numbers), numbers.data()));
    CHECK(same(lowbit::read(std::span(numbers).subspan(2)), numbers.data() + 2));
    CHECK(counts(lowbit::read(array), {3}));
    CHECK(counts(lowbit::read(plain), {2}));
    CHECK(same(lowbit::read(plain), plain));
    CHECK(counts(lowbit::read(owned), {2, 3}));
    CHECK(same(lowbit::read(owned), owned.data()));
    CHECK(same(lowbit::read(owned.view()), owned.data()));
    CHECK(counts(lowbit::read(matrix), {2, 3}));
    CHECK(same(lowbit::read(matrix), matrix.data()));
    CHECK(counts(lowbit::read(vector), {4}));
    CHECK(same(lowbit::read(vector), vector.data()));
    CHECK(same(lowbit::read(Eigen::Ref<row_major>(matrix)), matrix.data()));
    CHECK(same(lowbit::read(matrix.topRows(1)), matrix.data()));
}

TEST_CASE("read copies to row order what is not") {
    const Eigen::MatrixXf columns = counted<Eigen::MatrixXf>(3, 4);
    CHECK(counts(lowbit::read(columns), {3, 4}));

    const row_major large = counted<row_major>(3, 4);
    const auto block = lowbit::read(large.block(1, 1, 2, 2));
    CHECK(block.shape() == tensor_shape{2, 2});
    CHECK(block[0] == 5);
    CHECK(block[3] == 10);

    const auto column = lowbit::read(large.col(1));
    CHECK(column.shape() == tensor_shape{3});
    CHECK(column[2] == 9);

    const auto strided = lowbit::read(Eigen::Map<const Eigen::VectorXf, 0, Eigen::InnerStride<2>>(large.data(), 6));
    CHECK(strided[5] == 10);

    const auto product = lowbit::read(large * Eigen::Matrix4f::Identity());
    CHECK(counts(product, {3, 4}));
}

TEST_CASE("a single row or one element has no gaps, whatever its stride") {
    const row_major large = counted<row_major>(3, 4);
    const auto row = large.block(0, 0, 1, 3);
    CHECK(lowbit::view_of(row).data() == large.data());
    const auto element = large.block(2, 3, 1, 1);
    CHECK(lowbit::view_of(element)[0] == 11);
}

TEST_CASE("view_of refuses gaps with an error") {
    const row_major large = counted<row_major>(3, 4);
    const auto block = large.block(0, 0, 2, 2);
    CHECK_THROWS_WITH(lowbit::view_of(block),
                      "view_of: the Eigen object has gaps between its elements; lowbit::read copies it");
}

TEST_CASE("row_values stays valid when moved, borrowed or not") {
    const Eigen::MatrixXf columns = counted<Eigen::MatrixXf>(3, 4);
    auto copied = lowbit::read(columns);
    const auto moved = std::move(copied);
    CHECK(counts(moved, {3, 4}));
    const lowbit::tensor_view<const float> view = moved;
    CHECK(view[11] == 11);
}

TEST_CASE("read_float converts numbers of other types once and borrows float") {
    const std::vector<double> doubles{0.1, 1e300, -2.5};
    const auto converted = lowbit::read_float(doubles);
    CHECK(converted[0] == 0.1f);
    CHECK(converted[1] == std::numeric_limits<float>::infinity());
    CHECK(converted[2] == -2.5f);
    CHECK(lowbit::read_float(std::vector<std::int8_t>{-128, 127})[0] == -128.0f);
    const std::vector<float> floats{1, 2};
    CHECK(lowbit::read_float(floats).view().data() == floats.data());
    CHECK(counts(lowbit::read_float(Eigen::MatrixXd(counted<Eigen::MatrixXf>(2, 3).cast<double>())), {2, 3}));
}

TEST_CASE("empty sources have no elements") {
    CHECK(lowbit::read(std::vector<float>{}).size() == 0);
    CHECK(lowbit::read(Eigen::MatrixXf(0, 3)).shape() == tensor_shape{0, 3});
    CHECK(lowbit::read(row_major(0, 3)).shape() == tensor_shape{0, 3});
}
