// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/config.hpp>

#include <catch2/catch.hpp>

static_assert(LOWBIT_EXCEPTIONS == 1, "the tests are built with exceptions");

namespace {

LOWBIT_ALWAYS_INLINE int twice(int x) { return 2 * x; }

}  // namespace

TEST_CASE("LOWBIT_ASSERT evaluates its condition once and is one expression") {
    int evaluations = 0;
    const auto holds = [&] { return ++evaluations > 0; };
    const int chosen = (LOWBIT_ASSERT(holds()), twice(21));
    CHECK(evaluations == 1);
    CHECK(chosen == 42);
}
