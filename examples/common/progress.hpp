// SPDX-License-Identifier: Apache-2.0
/// @file
/// How far a long task is: a bar on a terminal, a line now and then elsewhere. On the error stream, so that tables can
/// be piped.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

namespace examples {

class progress {
public:
    explicit progress(std::string task) : task_(std::move(task)), start_(clock::now()), shown_(start_) {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() {
        if (!finished_) finish("");
    }

    /// `done` of 0 … 1, with something to say beside it.
    void update(double done, const std::string& note = "") {
        const auto now = clock::now();
        const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
        if (now - shown_ < pause) return;
        shown_ = now;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        const double left = done > 0 ? seconds * (1 - done) / done : 0;
        if (terminal_) {
            constexpr int width = 30;
            const int filled = static_cast<int>(std::clamp(done, 0.0, 1.0) * width);
            std::string bar;
            for (int i = 0; i < width; ++i) bar += i < filled ? "━" : "─";
            std::fprintf(stderr, "\r\033[K%-26s %s %3.0f%%  %.0f s left  %s", task_.c_str(), bar.c_str(), 100 * done,
                         left, note.c_str());
        } else {
            std::fprintf(stderr, "%s: %.0f%%, %.0f s left%s%s\n", task_.c_str(), 100 * done, left,
                         note.empty() ? "" : ", ", note.c_str());
        }
        std::fflush(stderr);
    }

    void finish(const std::string& note) {
        finished_ = true;
        const double seconds = std::chrono::duration<double>(clock::now() - start_).count();
        std::fprintf(stderr, "%s%s: %.1f s%s%s\n", terminal_ ? "\r\033[K" : "", task_.c_str(), seconds,
                     note.empty() ? "" : ", ", note.c_str());
    }

private:
    using clock = std::chrono::steady_clock;

    std::string task_;
    clock::time_point start_, shown_;
    bool terminal_ = isatty(STDERR_FILENO) != 0;
    bool finished_ = false;
};

}  // namespace examples
