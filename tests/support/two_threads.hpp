// SPDX-License-Identifier: Apache-2.0
/// @file
/// A pool for tests of executors.
#pragma once

#include <lowbit/core/executor.hpp>

#include <thread>

/// Runs everything backwards on two threads at once: whoever shares a byte between tasks is found out.
struct two_threads {
    void parallel_for(std::ptrdiff_t n, lowbit::loop_body body) const {
        std::thread other([&] {
            for (std::ptrdiff_t i = n - 1; i >= n / 2; --i) body(i);
        });
        for (std::ptrdiff_t i = n / 2 - 1; i >= 0; --i) body(i);
        other.join();
    }
    int concurrency() const { return 2; }
};
