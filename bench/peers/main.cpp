// SPDX-License-Identifier: Apache-2.0
/// @file
/// bench_peers REPORT.json [--quick | --all] [NAME...]: runs the comparisons (all, or those named), prints their tables
/// and adds the rows to the report.
#include <bench/peers/report.hpp>

#include <cstring>

int main(int count, char** arguments) {
    peers::options how;
    std::vector<std::string> names;
    for (int i = 2; i < count; ++i) {
        if (std::strcmp(arguments[i], "--quick") == 0) {
            how.quick = true;
        } else if (std::strcmp(arguments[i], "--all") == 0) {
            how.all = true;
        } else {
            names.emplace_back(arguments[i]);
        }
    }
    if (count < 2) {
        std::fprintf(stderr, "usage: %s REPORT.json [--quick | --all] [NAME...]\n", arguments[0]);
        return 2;
    }
    auto all = peers::comparisons();
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return std::strcmp(a.name, b.name) < 0; });
    peers::report report;
    for (const auto& comparison : all) {
        if (names.empty() || std::find(names.begin(), names.end(), comparison.name) != names.end()) {
            comparison.run(report, how);
        }
    }
    if (report.rows().empty()) return 0;
    const auto below =
        std::count_if(report.rows().begin(), report.rows().end(), [](const auto& r) { return !r.holds(); });
    std::printf("\n%zu rows, %td below what is asked\n", report.rows().size(), below);
    if (!report.write(arguments[1])) {
        std::perror(arguments[1]);
        return 1;
    }
    return 0;
}
