// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/node.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("every kind has its name") {
    CHECK(to_string(op::input) == "input");
    CHECK(to_string(op::global_average_pool) == "global_average_pool");
    CHECK(to_string(op::output) == "output");
    CHECK(describe({.kind = op::linear, .name = "fc"}) == "linear 'fc'");
}

TEST_CASE("another batch, the other axes as they were") {
    CHECK(with_batch({1, 28, 28, 8}, 64) == tensor_shape{64, 28, 28, 8});
    CHECK(with_batch({1, 3}, 0) == tensor_shape{0, 3});
}

TEST_CASE("windows: dilation, groups, padding on each side, sizes that do not divide") {
    const std::vector<tensor_shape> x{{1, 11, 9, 6}};
    node y{.kind = op::conv2d,
           .weights = tensor<float>({4, 3, 2, 3}),
           .window = {{}, {2, 1}, {2, 4}, {.top = 1, .bottom = 0, .left = 0, .right = 3}},
           .groups = 2};
    CHECK(detail::infer(y, x) == tensor_shape{1, 4, 8, 4});
    CHECK(y.window.size == std::array<std::ptrdiff_t, 2>{3, 2});
    node z{.kind = op::conv2d, .weights = tensor<float>({1, 5, 5, 6}), .window = {{}, {3, 2}, {1, 1}, same()}};
    CHECK(detail::infer(z, x) == tensor_shape{1, 4, 5, 1});
    node pool{.kind = op::max_pool, .window = {{3, 2}, {0, 0}, {1, 1}, same()}};
    CHECK(detail::infer(pool, x) == tensor_shape{1, 4, 5, 6});
    CHECK(pool.window.stride == pool.window.size);
    CHECK(valid() == padding2d{});
}

TEST_CASE("as many positions as windows fit, counted one by one") {
    for (const std::ptrdiff_t extent : {1, 2, 5, 9, 16})
        for (const std::ptrdiff_t size : {1, 2, 3, 5})
            for (const std::ptrdiff_t stride : {1, 2, 3})
                for (const std::ptrdiff_t dilation : {1, 2})
                    for (const std::ptrdiff_t before : {0, 1, 2})
                        for (const std::ptrdiff_t after : {0, 1}) {
                            node n{.kind = op::conv2d,
                                   .weights = tensor<float>({1, size, 1, 1}),
                                   .window = {{}, {stride, 1}, {dilation, 1}, {before, after, 0, 0}}};
                            std::ptrdiff_t positions = 0;
                            while (positions * stride + (size - 1) * dilation < before + extent + after) ++positions;
                            if (positions == 0)
                                CHECK_THROWS_WITH(detail::infer(n, {{1, extent, 1, 1}}),
                                                  Catch::Contains("larger than"));
                            else
                                CHECK(detail::infer(n, {{1, extent, 1, 1}}) == tensor_shape{1, positions, 1, 1});
                        }
}
