// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/caching.hpp>

#include <catch2/catch.hpp>

using lowbit::caching;

TEST_CASE("outputs bypass the caches only where they leave them anyway and whole lines are written") {
    static_assert(lowbit::caching_for(1 << 20) == caching::keep);
    static_assert(lowbit::caching_for(64 << 20) == caching::bypass);
    alignas(64) const char line[128] = {};
    CHECK(lowbit::bypasses(caching::bypass, line));
    CHECK(lowbit::bypasses(caching::bypass, line + 64));
    CHECK_FALSE(lowbit::bypasses(caching::bypass, line + 4));
    CHECK_FALSE(lowbit::bypasses(caching::keep, line));
    lowbit::finish_stores(caching::bypass);
    lowbit::finish_stores(caching::keep);
}
