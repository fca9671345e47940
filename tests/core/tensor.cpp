// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/tensor.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

using lowbit::tensor;
using lowbit::tensor_shape;
using lowbit::tensor_view;

TEST_CASE("tensor_shape: extents, size and the sizes between axes") {
    const tensor_shape shape{2, 3, 4};
    CHECK(shape.rank() == 3);
    CHECK(shape.size() == 24);
    CHECK(shape[1] == 3);
    CHECK(shape.size_between(1, 3) == 12);
    CHECK(shape.size_between(2, 2) == 1);
    CHECK(std::vector<std::ptrdiff_t>(shape.begin(), shape.end()) == std::vector<std::ptrdiff_t>{2, 3, 4});
    CHECK(lowbit::to_string(shape) == "[2, 3, 4]");
    CHECK(shape == tensor_shape{2, 3, 4});
    CHECK(shape != tensor_shape{2, 12});
    CHECK(shape != tensor_shape{2, 3, 4, 1});
}

TEST_CASE("tensor_shape: a scalar has rank 0 and one element, an empty extent has none") {
    CHECK(tensor_shape().rank() == 0);
    CHECK(tensor_shape().size() == 1);
    CHECK(lowbit::to_string(tensor_shape()) == "[]");
    CHECK(tensor_shape{5, 0, 7}.size() == 0);
}

TEST_CASE("tensor_shape: axes count from the front or, negative, from the back") {
    const tensor_shape shape{2, 3, 4};
    CHECK(shape.checked_axis(0) == 0);
    CHECK(shape.checked_axis(-1) == 2);
    CHECK(shape.checked_axis(-3) == 0);
    CHECK_THROWS_WITH(shape.checked_axis(3), "axis 3 does not exist in a tensor of 3 axes");
    CHECK_THROWS_WITH(shape.checked_axis(-4), "axis -4 does not exist in a tensor of 3 axes");
}

TEST_CASE("tensor_shape refuses what cannot be a shape") {
    const std::ptrdiff_t large = std::numeric_limits<std::ptrdiff_t>::max();
    CHECK_THROWS_WITH((tensor_shape{2, -1}), "tensor_shape: axis 1 has the negative extent -1");
    CHECK_THROWS_AS((tensor_shape{1, 1, 1, 1, 1, 1, 1}), lowbit::error);
    CHECK_THROWS_AS((tensor_shape{large, 2}), lowbit::error);
}

TEST_CASE("tensor: zero-initialized, 64-byte aligned, row-major") {
    tensor<std::int8_t> bytes({3, 5});
    CHECK(bytes.size() == 15);
    CHECK(bytes.rank() == 2);
    for (const std::int8_t value : bytes) CHECK(value == 0);
    for (int n = 1; n < 100; n += 7) {
        const tensor<float> values({n}, 1.5f);
        CHECK(reinterpret_cast<std::uintptr_t>(values.data()) % 64 == 0);
        CHECK(values[n - 1] == 1.5f);
    }

    constexpr std::ptrdiff_t page = 1 << 21;  // a huge page, which large blocks begin with
    for (const std::ptrdiff_t n : {2 * page - 1, 2 * page}) {
        tensor<std::uint8_t> large({n}, 7);
        large = tensor<std::uint8_t>(large);
        CHECK(reinterpret_cast<std::uintptr_t>(large.data()) % (n < 2 * page ? 64 : page) == 0);
        CHECK(std::count(large.begin(), large.end(), 7) == n);
    }

    tensor<int> cube({2, 3, 4});
    std::iota(cube.begin(), cube.end(), 0);
    CHECK(cube(0, 0, 0) == 0);
    CHECK(cube(1, 2, 3) == 23);
    CHECK(cube(1, 0, 2) == 14);
    cube(1, 0, 2) = -1;
    CHECK(std::as_const(cube)(1, 0, 2) == -1);
    CHECK(cube[14] == -1);
}

TEST_CASE("tensor: a value with equality") {
    const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
    const tensor<float> a({2, 3}, numbers);
    tensor<float> b = a;
    CHECK(a == b);
    b(1, 2) = 7;
    CHECK(a != b);
    CHECK(a(1, 2) == 6);
    tensor<float> c = a;
    c.reshape({3, 2});
    CHECK(c != a);
    CHECK(c(2, 1) == 6);
    CHECK(tensor<float>(a.view()) == a);
}

TEST_CASE("tensor: default is empty; a scalar has one element") {
    CHECK(tensor<float>().empty());
    CHECK(tensor_view<float>().empty());
    tensor<float> scalar{tensor_shape{}};
    CHECK(scalar.size() == 1);
    scalar() = 3;
    CHECK(scalar[0] == 3);
}

TEST_CASE("tensor refuses values and shapes that do not agree") {
    const std::vector<float> numbers{1, 2, 3};
    CHECK_THROWS_WITH(tensor<float>({2, 2}, numbers), "tensor: 3 values for the shape [2, 2]");
    tensor<float> six({2, 3});
    CHECK_THROWS_WITH(six.reshape({7}), "reshape: [2, 3] has 6 elements, [7] has 7");
    CHECK(six.shape() == tensor_shape{2, 3});
}

TEST_CASE("tensor_view: borrows, converts to const, reshapes without copying") {
    float numbers[6] = {1, 2, 3, 4, 5, 6};
    const tensor_view<float> view(numbers, {2, 3});
    const tensor_view<const float> constant = view;
    view(0, 1) = 9;
    CHECK(constant(0, 1) == 9);
    CHECK(numbers[1] == 9);
    CHECK(constant.span().size() == 6);
    CHECK(constant.reshaped({3, 2})(2, 0) == 5);
    CHECK(constant.reshaped({3, 2}).data() == numbers);
    CHECK_THROWS_AS(view.reshaped({4}), lowbit::error);
    static_assert(!std::is_convertible_v<tensor_view<const float>, tensor_view<float>>);

    tensor<float> owner({2, 2});
    const tensor_view<float> borrowed = owner;
    CHECK(borrowed.data() == owner.data());
}

TEST_CASE("tensor_view: a null pointer is fine only where nothing is there") {
    CHECK_NOTHROW(tensor_view<const float>(nullptr, {0, 4}));
    CHECK_THROWS_WITH(tensor_view<const float>(nullptr, {2, 4}), "tensor_view: null pointer for the shape [2, 4]");
}
