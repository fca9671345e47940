// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/executor.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <thread>
#include <vector>

namespace {

/// Every second index on the calling thread's sibling; counts its calls.
struct counting_threads {
    int calls = 0;

    void parallel_for(std::ptrdiff_t n, lowbit::loop_body body) {
        ++calls;
        std::thread odd([&] {
            for (std::ptrdiff_t i = 1; i < n; i += 2) body(i);
        });
        for (std::ptrdiff_t i = 0; i < n; i += 2) body(i);
        odd.join();
    }
    int concurrency() const { return 2; }
};

static_assert(lowbit::parallel_pool<counting_threads>);
static_assert(!lowbit::parallel_pool<int>);

std::vector<int> visits(const lowbit::executor& run, std::ptrdiff_t n) {
    std::vector<int> count(static_cast<std::size_t>(n));
    run.parallel_for(n, [&](std::ptrdiff_t i) { ++count[static_cast<std::size_t>(i)]; });
    return count;
}

}  // namespace

TEST_CASE("the default executor runs every index in order on the calling thread") {
    std::vector<std::ptrdiff_t> order;
    lowbit::executor().parallel_for(5, [&](std::ptrdiff_t i) { order.push_back(i); });
    CHECK(order == std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4});
    CHECK(lowbit::executor().concurrency() == 1);
    CHECK(visits({}, 0).empty());
}

TEST_CASE("a borrowed pool gets every index exactly once") {
    counting_threads pool;
    const lowbit::executor run = pool;
    CHECK(run.concurrency() == 2);
    CHECK(visits(run, 101) == std::vector<int>(101, 1));
    CHECK(pool.calls == 1);
}

TEST_CASE("one index or none never leaves the calling thread") {
    counting_threads pool;
    CHECK(visits(pool, 1) == std::vector<int>{1});
    CHECK(visits(pool, 0).empty());
    CHECK(pool.calls == 0);
}

TEST_CASE("a copied executor borrows the same pool") {
    counting_threads pool;
    const lowbit::executor run = pool;
    const lowbit::executor copy = run;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the test
    visits(copy, 4);
    CHECK(pool.calls == 1);
}

TEST_CASE("a loop body refers to the caller's function, constant or not") {
    int sum = 0;
    auto add = [&](std::ptrdiff_t i) { sum += static_cast<int>(i); };
    const auto& constant = add;
    lowbit::executor().parallel_for(4, add);
    lowbit::executor().parallel_for(4, constant);
    CHECK(sum == 12);
}
