// SPDX-License-Identifier: Apache-2.0
/// @file
/// Who runs a loop: the calling thread by default, or anything of the caller's that has `parallel_for(n, f)`.
///
/// An executor is two words and a count, copied by value; it borrows the caller's pool and never owns threads.
/// Results never depend on it: work is cut by the problem, not by the number of threads.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace lowbit {

/// A loop body f(i) by reference: what an executor is handed. Valid only during the call.
class loop_body {
public:
    template <class Function>
        requires(!std::same_as<std::remove_cvref_t<Function>, loop_body> && std::invocable<Function&, std::ptrdiff_t>)
    loop_body(Function&& function)  // NOLINT(google-explicit-constructor): a lambda is given
        : object_(const_cast<void*>(static_cast<const void*>(&function))),
          call_([](void* object, std::ptrdiff_t i) { (*static_cast<std::remove_reference_t<Function>*>(object))(i); }) {
    }

    void operator()(std::ptrdiff_t i) const { call_(object_, i); }

private:
    void* object_;
    void (*call_)(void*, std::ptrdiff_t);
};

/// Anything that can run f(0) … f(n−1), in any order and on any threads, and return when all are done.
template <class Pool>
concept parallel_pool = requires(Pool& pool, std::ptrdiff_t n, loop_body body) {
    pool.parallel_for(n, body);
    { pool.concurrency() } -> std::convertible_to<int>;
};

/// A borrowed pool, or the calling thread alone.
class executor {
public:
    /// Runs on the calling thread.
    executor() = default;

    /// Borrows the pool: it must outlive every use of this executor.
    template <parallel_pool Pool>
        requires(!std::same_as<std::remove_cv_t<Pool>, executor>)
    executor(Pool& pool)  // NOLINT(google-explicit-constructor): a pool is given where an executor is asked for
        : pool_(&pool),
          run_([](void* object, std::ptrdiff_t n, loop_body body) {
              static_cast<Pool*>(object)->parallel_for(n, body);
          }),
          concurrency_(static_cast<int>(pool.concurrency())) {}

    /// Runs body(0) … body(n−1) and returns when all are done. n = 0 or 1 stays on the calling thread.
    void parallel_for(std::ptrdiff_t n, loop_body body) const {
        if (run_ == nullptr || n <= 1) {
            for (std::ptrdiff_t i = 0; i < n; ++i) body(i);
        } else {
            run_(pool_, n, body);
        }
    }

    /// How many threads can work at once: a hint for cutting work, never for its result.
    int concurrency() const { return concurrency_; }

private:
    void* pool_ = nullptr;
    void (*run_)(void*, std::ptrdiff_t, loop_body) = nullptr;
    int concurrency_ = 1;
};

}  // namespace lowbit
