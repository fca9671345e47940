// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/granularity.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace lowbit;

TEST_CASE("sets cut a tensor into parts, and both walks agree on which") {
    for (const tensor_shape& shape :
         {tensor_shape{24}, tensor_shape{4, 6}, tensor_shape{2, 3, 5}, tensor_shape{2, 3, 2, 4}}) {
        for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
            for (const granularity& how : {per_tensor(), per_channel(axis), per_group(axis, 1), per_group(axis, 2),
                                           per_group(axis, 4), per_group(axis, 1000)}) {
                const partition sets(shape, how);
                std::vector<std::ptrdiff_t> owner(static_cast<std::size_t>(shape.size()), -1);
                std::ptrdiff_t values = 0;
                for (std::ptrdiff_t set = 0; set < sets.count(); ++set) {
                    REQUIRE(sets[set].size() > 0);
                    values += sets[set].size();
                    sets[set].for_each([&](std::ptrdiff_t i) {
                        REQUIRE(owner.at(static_cast<std::size_t>(i)) == -1);
                        owner[static_cast<std::size_t>(i)] = set;
                        REQUIRE(sets.set_of(i) == set);
                    });
                }
                REQUIRE(values == shape.size());
                std::ptrdiff_t next = 3;
                sets.for_each_run(3, shape.size() - 1,
                                  [&](std::ptrdiff_t set, std::ptrdiff_t first, std::ptrdiff_t count) {
                                      REQUIRE(first == next);
                                      REQUIRE(count > 0);
                                      for (std::ptrdiff_t i = first; i < first + count; ++i)
                                          REQUIRE(owner[static_cast<std::size_t>(i)] == set);
                                      next = first + count;
                                  });
                REQUIRE(next == shape.size() - 1);
            }
        }
    }
}

TEST_CASE("the number of sets") {
    const tensor_shape shape{4, 6, 10};
    CHECK(partition(shape, per_tensor()).count() == 1);
    CHECK(partition(shape, per_channel(1)).count() == 6);
    CHECK(partition(shape, per_channel(-1)).count() == 10);
    CHECK(partition(shape, per_group(2, 4)).count() == 4 * 6 * 3);
    CHECK(partition(shape, per_group(0, 3)).count() == 2 * 6 * 10);
    CHECK(partition({0, 3}, per_channel(0)).count() == 0);
    CHECK(partition({3, 0}, per_group(1, 4)).count() == 0);
    CHECK(partition({0}, per_tensor()).count() == 1);
    // The ragged last group is shorter.
    CHECK(partition(shape, per_group(2, 4))[2].length == 2);
}

TEST_CASE("what cannot be cut is refused") {
    CHECK_THROWS_WITH(partition({4}, per_group(0, 0)), Catch::Contains("group size is 0"));
    CHECK_THROWS_WITH(partition({4}, per_group(0, -5)), Catch::Contains("-5"));
    CHECK_THROWS_WITH(partition({4}, per_channel(1)), Catch::Contains("axis 1"));
    CHECK_THROWS_WITH(partition(tensor_shape{}, per_channel(0)), Catch::Contains("axis 0"));
}
