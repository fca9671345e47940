// SPDX-License-Identifier: Apache-2.0
/// @file
/// Two threads: how much of what two threads can do at most, measured beside it.
#include <bench/peers/integer.hpp>
#include <lowbit/core/pools.hpp>

namespace {

using peers::options;
using peers::problem;
using peers::report;

void compare(report& to, const options& how, const char* name, const problem& p) {
    lowbit::thread_pool pool(2);
    peers::ours<std::uint8_t, std::uint8_t> mine(p);
    mine.check();
    constexpr int repeats = 100;  // so long that starting the threads does not count
    const auto probe = [&] {
        pool.parallel_for(2, [](std::ptrdiff_t) {
            for (int i = 0; i < repeats; ++i) peers::probe_vnni();
        });
    };
    const auto best = peers::fastest({probe, [&] { mine(pool); }}, how, 2);
    peers::row row;
    row.group = "int8, two threads";
    row.name = name;
    row.threads = 2;
    row.isa = std::string(to_string(lowbit::active_isa()));
    row.unit = "GOPS";
    row.ours = p.operations() / best[1] * 1e-9;
    row.of_limit = row.ours * 1e9 / (2 * repeats * peers::probe_vnni() / best[0]);
    row.required_of_limit = 0.90;
    to.add(row);
}

void run(report& to, const options& how) {
    if (lowbit::active_isa() != lowbit::isa::avx512_vnni) return;
    problem product({1, 1, 1024, 1024, {}, 1}, 1024, true);
    product.x_zero = 13;
    compare(to, how, "1024x1024x1024", product);
    const struct {
        const char* name;
        std::ptrdiff_t size, channels;
    } layers[] = {{"3x3 64->64 @56", 56, 64},
                  {"3x3 128->128 @28", 28, 128},
                  {"3x3 256->256 @14", 14, 256},
                  {"3x3 512->512 @7", 7, 512}};
    for (const auto& l : layers) {
        problem p({l.size, l.size, l.channels, l.channels, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1}, 1, false);
        p.x_zero = 13;
        compare(to, how, l.name, p);
    }
}

const peers::add_comparison added{"integer_threads", run};

}  // namespace
