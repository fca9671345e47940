// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the comparisons with other libraries share: timing candidates side by side, and one table of results, printed
/// as Markdown and written as JSON.
///
/// Machines drift, so only what was measured together is compared: candidates take turns in one process, and the
/// least CPU time of each counts.
#pragma once

#include <lowbit/core/cpu.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace peers {

/// How long to measure, and what.
struct options {
    bool quick = false;  ///< a few samples of each, to see that everything runs
    bool all = false;    ///< slow peers too
};

/// CPU time of this thread (or of the whole process, for work on several threads), in seconds.
inline double cpu_seconds(bool process = false) {
    timespec now{};
    clock_gettime(process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds that pass, for work on several threads.
inline double wall_seconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The least seconds per call of each candidate. They take turns; a turn is at least 20 µs of calls. A single call
/// comes after one that is not counted: else it would be chance whose weights the last-level cache still holds after
/// all others' turns. (Not where calls take so long that it cannot matter.) threads > 1 counts the time that passes,
/// else CPU time.
inline std::vector<double> fastest(const std::vector<std::function<void()>>& candidates, const options& how,
                                   int threads = 1) {
    const auto clock = [threads] { return threads > 1 ? wall_seconds() : cpu_seconds(); };
    const auto time = [&](const std::function<void()>& run, int calls) {
        const double start = clock();
        for (int i = 0; i < calls; ++i) run();
        return (clock() - start) / calls;
    };
    std::vector<int> calls, uncounted;
    std::vector<double> best;
    double round = 0;
    for (const auto& run : candidates) {
        run();  // touches the memory, warms the caches
        best.push_back(time(run, 1));
        calls.push_back(std::clamp(static_cast<int>(20e-6 / std::max(best.back(), 1e-9)), 1, 20000));
        uncounted.push_back(calls.back() == 1 && best.back() < 5e-3 ? 1 : 0);
        round += best.back() * (calls.back() + uncounted.back());
    }
    const double budget = (how.quick ? 0.004 : 0.15) * static_cast<double>(candidates.size());
    const int rounds = std::clamp(static_cast<int>(budget / round), how.quick ? 2 : 5, 2000);
    for (int r = 0; r < rounds; ++r) {
        for (std::size_t c = 0; c < candidates.size(); ++c) {
            if (uncounted[c] > 0) candidates[c]();
            best[c] = std::min(best[c], time(candidates[c], calls[c]));
        }
    }
    return best;
}

/// One line of a table. Rates are per second, so higher is better.
struct row {
    std::string group, name;
    int threads = 1;
    std::string isa;
    double ours = 0;
    std::string unit;                         ///< "GB/s", "GOPS"
    std::optional<double> best_peer;          ///< in the same unit
    std::string peer;                         ///< which one that is
    std::optional<double> of_limit;           ///< share of what the hardware can do at most
    std::optional<double> required_ratio;     ///< what the project asks of ours / best_peer,
    std::optional<double> required_of_limit;  ///< of of_limit,
    std::optional<double> required;           ///< and of ours itself

    std::optional<double> ratio() const { return best_peer ? std::optional(ours / *best_peer) : std::nullopt; }
    /// Whether everything that is asked of the row holds.
    bool holds() const {
        const auto at_least = [](std::optional<double> value, std::optional<double> least) {
            return !least || (value && *value >= *least);
        };
        return at_least(ratio(), required_ratio) && at_least(of_limit, required_of_limit) && at_least(ours, required);
    }
};

/// The rows of a run: printed as they come, one Markdown table a group, and written at the end.
class report {
public:
    void add(row r) {
        if (rows_.empty() || rows_.back().group != r.group) {
            std::printf(
                "\n### %s\n\n| case | threads | isa | ours | best peer | ratio | of limit | asked | |\n"
                "|---|---|---|---|---|---|---|---|---|\n",
                r.group.c_str());
        }
        std::string asked;
        const auto ask = [&asked](std::optional<double> least, const char* of) {
            if (least) asked += (asked.empty() ? "" : ", ") + number(least) + of;
        };
        ask(r.required_ratio, " of the peer");
        ask(r.required_of_limit, " of the limit");
        ask(r.required, (" " + r.unit).c_str());
        std::printf("| %s | %d | %s | %s %s | %s %s | %s | %s | %s | %s |\n", r.name.c_str(), r.threads, r.isa.c_str(),
                    number(r.ours).c_str(), r.unit.c_str(), number(r.best_peer).c_str(), r.peer.c_str(),
                    number(r.ratio()).c_str(), number(r.of_limit).c_str(), asked.c_str(),
                    asked.empty() ? ""
                    : r.holds()   ? "✓"
                                  : "below");
        std::fflush(stdout);
        rows_.push_back(std::move(r));
    }

    const std::vector<row>& rows() const { return rows_; }

    /// {"rows": [...]}, after those of a report that is there already; false where the file cannot be written.
    bool write(const char* path) const {
        constexpr char end[] = "\n]}\n";
        std::FILE* file = std::fopen(path, "r+");
        const char* separator = file == nullptr ? "{\"rows\":[\n" : ",\n";
        if (file == nullptr)
            file = std::fopen(path, "w");
        else
            std::fseek(file, 1 - static_cast<long>(sizeof end), SEEK_END);
        if (file == nullptr) return false;
        for (const row& r : rows_) {
            std::fprintf(
                file,
                "%s{\"group\":\"%s\",\"case\":\"%s\",\"threads\":%d,\"isa\":\"%s\",\"ours\":%.6g,\"unit\":\"%s\","
                "\"best_peer\":%s,\"peer\":%s,\"ratio\":%s,\"of_limit\":%s,\"required_ratio\":%s,"
                "\"required_of_limit\":%s,\"required\":%s}",
                separator, r.group.c_str(), r.name.c_str(), r.threads, r.isa.c_str(), r.ours, r.unit.c_str(),
                json(r.best_peer).c_str(), r.peer.empty() ? "null" : ("\"" + r.peer + "\"").c_str(),
                json(r.ratio()).c_str(), json(r.of_limit).c_str(), json(r.required_ratio).c_str(),
                json(r.required_of_limit).c_str(), json(r.required).c_str());
            separator = ",\n";
        }
        std::fputs(end, file);
        return std::fclose(file) == 0;
    }

private:
    static std::string text(const char* format, double x) {
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, format, x);
        return buffer;
    }
    static std::string number(std::optional<double> x) { return x ? text("%.3g", *x) : ""; }
    static std::string json(std::optional<double> x) { return x ? text("%.6g", *x) : "null"; }

    std::vector<row> rows_;
};

/// A comparison: a name to select it by, and what adds its rows.
struct comparison {
    const char* name;
    void (*run)(report&, const options&);
};

/// Every comparison of the program; a source file adds its own with `add_comparison`.
inline std::vector<comparison>& comparisons() {
    static std::vector<comparison> all;
    return all;
}

/// A file-scope constant of this type adds a comparison: `const add_comparison added{"formats", run};`
struct add_comparison {
    add_comparison(const char* name, void (*run)(report&, const options&)) { comparisons().push_back({name, run}); }
};

}  // namespace peers
