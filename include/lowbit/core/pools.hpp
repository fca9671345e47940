// SPDX-License-Identifier: Apache-2.0
/// @file
/// Pools to run loops on (core/executor.hpp borrows them): threads of one's own, Eigen's ThreadPool, OpenMP.
///
/// Any other class with parallel_for(n, f) and concurrency() serves as well.
#pragma once

#include <lowbit/core/config.hpp>
#include <lowbit/core/error.hpp>
#include <lowbit/core/executor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace lowbit {

namespace detail {

/// The first exception of a parallel loop, carried to the thread that waits for it.
class first_exception {
public:
    /// Runs f; an exception of it is kept unless one is kept already.
    template <class Function>
    void guard(Function f) {
#if LOWBIT_EXCEPTIONS
        try {
            f();
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!first_) first_ = std::current_exception();
        }
#else
        f();
#endif
    }
    void rethrow() {
#if LOWBIT_EXCEPTIONS
        if (first_) std::rethrow_exception(std::exchange(first_, nullptr));
#endif
    }

private:
    std::mutex mutex_;
    std::exception_ptr first_;
};

}  // namespace detail

/// Threads that wait for loops: the caller works too, so `thread_pool(2)` starts one thread. Between loops they spin
/// for some 20 µs (kernels are called in bursts) and then sleep. Loops started inside of a loop, or by two threads at
/// once, run on their callers.
class thread_pool {
public:
    /// Errors: fewer than one thread.
    explicit thread_pool(int threads = static_cast<int>(std::thread::hardware_concurrency())) {
        check(threads >= 1, "thread_pool: ", threads, " threads; at least 1 is needed");
        for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    ~thread_pool() {
        stopping_.store(true);
        epoch_.fetch_add(1);
        epoch_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    int concurrency() const { return static_cast<int>(workers_.size()) + 1; }

    /// Runs body(0) … body(n−1); the first exception that one throws is thrown here when all have stopped.
    void parallel_for(std::ptrdiff_t n, loop_body body) {
        if (workers_.empty() || n <= 1 || busy_.exchange(true)) {
            for (std::ptrdiff_t i = 0; i < n; ++i) body(i);
            return;
        }
        body_ = &body;
        size_ = n;
        next_.store(0);
        running_.store(static_cast<int>(workers_.size()));
        epoch_.fetch_add(1);
        epoch_.notify_all();
        run_share();
        while (running_.load() != 0) std::this_thread::yield();
        busy_.store(false);
        failure_.rethrow();
    }

private:
    void run_share() {
        failure_.guard([this] {
            for (std::ptrdiff_t i = next_++; i < size_; i = next_++) (*body_)(i);
        });
    }

    void work() {
        for (std::uint32_t seen = 0;;) {
            for (int spin = 0; spin < 2000 && epoch_.load() == seen; ++spin) pause();
            epoch_.wait(seen);
            seen = epoch_.load();
            if (stopping_.load()) return;
            run_share();
            --running_;
        }
    }

    /// Tells the core that this is a waiting loop.
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }

    std::vector<std::thread> workers_;
    std::atomic<std::uint32_t> epoch_{0};
    std::atomic<bool> stopping_{false}, busy_{false};
    std::atomic<int> running_{0};
    std::atomic<std::ptrdiff_t> next_{0};
    std::ptrdiff_t size_ = 0;
    const loop_body* body_ = nullptr;
    detail::first_exception failure_;
};

/// Runs loops on an Eigen::ThreadPool (or another class with its Schedule and NumThreads), borrowed.
template <class Pool>
class eigen_pool {
public:
    explicit eigen_pool(Pool& pool) : pool_(&pool) {}

    int concurrency() const { return static_cast<int>(pool_->NumThreads()); }

    void parallel_for(std::ptrdiff_t n, loop_body body) const {
        std::atomic<std::ptrdiff_t> next{0};
        std::atomic<int> running{0};
        detail::first_exception failure;
        const auto run_share = [&] {
            failure.guard([&] {
                for (std::ptrdiff_t i = next++; i < n; i = next++) body(i);
            });
        };
        // From inside of the pool its threads may all be waiting: then the calling thread does the loop alone.
        const bool inside = pool_->CurrentThreadId() >= 0;
        const int helpers = inside ? 0 : concurrency();
        running = helpers;
        for (int i = 0; i < helpers; ++i) {
            pool_->Schedule([&] {
                run_share();
                --running;
            });
        }
        run_share();
        while (running.load() != 0) std::this_thread::yield();
        failure.rethrow();
    }

private:
    Pool* pool_;
};

#if defined(_OPENMP)
/// Runs loops on OpenMP's threads. There only where the compiler has OpenMP on (-fopenmp).
class openmp_pool {
public:
    explicit openmp_pool(int threads) : threads_(threads) {
        check(threads >= 1, "openmp_pool: ", threads, " threads; at least 1 is needed");
    }

    int concurrency() const { return threads_; }

    void parallel_for(std::ptrdiff_t n, loop_body body) const {
        detail::first_exception failure;
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
        for (std::ptrdiff_t i = 0; i < n; ++i) failure.guard([&] { body(i); });
        failure.rethrow();
    }

private:
    int threads_;
};
#endif

}  // namespace lowbit
