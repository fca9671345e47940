// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/pools.hpp>

#include <catch2/catch.hpp>

#include <unsupported/Eigen/CXX11/ThreadPool>

#include <atomic>
#include <numeric>
#include <set>
#include <vector>

using namespace lowbit;

namespace {

/// Every index once, in loops of all sizes, again and again; nested loops; exceptions.
template <class Pool>
void behaves(Pool& pool) {
    for (int round = 0; round < 200; ++round) {
        const std::ptrdiff_t n = round % 23;
        std::vector<std::atomic<int>> hits(23);
        executor(pool).parallel_for(n, [&](std::ptrdiff_t i) { ++hits[static_cast<std::size_t>(i)]; });
        for (std::ptrdiff_t i = 0; i < 23; ++i) REQUIRE(hits[static_cast<std::size_t>(i)] == (i < n));
    }
    std::atomic<int> inner{0};
    pool.parallel_for(4, [&](std::ptrdiff_t) { pool.parallel_for(5, [&](std::ptrdiff_t) { ++inner; }); });
    CHECK(inner == 20);
    std::atomic<int> done{0};
    const auto failing = [&](std::ptrdiff_t i) { i == 3 ? fail("third") : void(++done); };
    CHECK_THROWS_WITH(pool.parallel_for(10, failing), "third");
    pool.parallel_for(10, [&](std::ptrdiff_t) { ++done; });
    CHECK(done >= 10);
}

}  // namespace

TEST_CASE("own threads") {
    for (const int threads : {1, 2, 5}) {
        thread_pool pool(threads);
        CHECK(pool.concurrency() == threads);
        behaves(pool);
    }
    CHECK_THROWS_WITH(thread_pool(0), Catch::Contains("at least 1"));
}

TEST_CASE("two threads of work are done by two threads") {
    thread_pool pool(2);
    std::atomic<int> waiting{0};
    // Each index waits for the other: on one thread this would never end.
    pool.parallel_for(2, [&](std::ptrdiff_t) {
        ++waiting;
        while (waiting < 2) std::this_thread::yield();
    });
    CHECK(waiting == 2);
}

TEST_CASE("Eigen's thread pool") {
    for (const int threads : {1, 3}) {
        Eigen::ThreadPool threads_of_eigen(threads);
        eigen_pool pool(threads_of_eigen);
        CHECK(pool.concurrency() == threads);
        behaves(pool);
    }
}

#if defined(_OPENMP)
TEST_CASE("OpenMP's threads") {
    openmp_pool pool(3);
    CHECK(pool.concurrency() == 3);
    behaves(pool);
    CHECK_THROWS_WITH(openmp_pool(0), Catch::Contains("at least 1"));
}
#endif
