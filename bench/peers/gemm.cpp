// SPDX-License-Identifier: Apache-2.0
/// @file
/// Matrix products: fixed-point requantization per channel, bias, ReLU, zero points on both sides, against the best of
/// oneDNN's variants (float requantization, with and without zero points), XNNPACK and gemmlowp; raw int32 products;
/// small shapes; what requantization costs; AVX2 forced.
#include <bench/peers/integer.hpp>

#include <cmath>

namespace {

using dnnl_type = dnnl::memory::data_type;
using peers::onednn;
using peers::options;
using peers::problem;
using peers::report;

struct shape {
    std::ptrdiff_t m, n, k;
    double of_limit = 0;  ///< asked; 0: nothing

    std::string name() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }
    problem make() const {
        problem p({1, 1, k, n, {}, 1}, m, true);
        p.x_zero = 13;
        p.y_zero = 3;
        p.relu = {{3, 255}};
        return p;
    }
};

constexpr shape shapes[] = {{256, 256, 256}, {512, 512, 512, 0.93}, {1024, 1024, 1024, 0.93}, {2048, 2048, 2048, .93},
                            {1, 4096, 4096}, {8, 4096, 4096},       {32, 4096, 4096},         {128, 768, 3072, 0.93},
                            {3136, 64, 576}, {49, 512, 4608, 0.93}};
constexpr shape small_shapes[] = {{1, 16, 16},  {1, 64, 64},  {8, 64, 64},     {16, 64, 64},
                                  {64, 64, 64}, {37, 61, 83}, {1, 1024, 1024}, {128, 128, 128}};

peers::row row_of(const std::string& group, const std::string& name, const std::string& unit = "GOPS") {
    peers::row row;
    row.group = group;
    row.name = name;
    row.unit = unit;
    row.isa = std::string(to_string(lowbit::active_isa()));
    return row;
}

/// Peers by name, alive as long as this is.
struct candidates {
    std::vector<std::string> names;
    std::vector<std::function<void()>> runs;

    template <class Peer>
    void add(const std::string& name, std::shared_ptr<Peer> peer) {
        names.push_back(name);
        runs.push_back([peer] { (*peer)(); });
    }
};

candidates quantized_peers(const problem& p) {
    candidates peers_of;
    for (const auto kind : {onednn::kind::matmul, onednn::kind::inner_product}) {
        const std::string name = kind == onednn::kind::matmul ? "oneDNN matmul" : "oneDNN inner product";
        for (const dnnl_type in : {dnnl_type::u8, dnnl_type::s8})
            peers_of.add(name + (in == dnnl_type::u8 ? " u8" : " s8"),
                         std::make_shared<onednn>(p, kind, in, in, false));
    }
    const auto zeros = std::make_shared<onednn>(p, onednn::kind::matmul, dnnl_type::u8, dnnl_type::u8, true);
    peers_of.add("oneDNN matmul zero points", zeros);
    peers_of.add("XNNPACK qc8", std::make_shared<peers::xnnpack>(p));
    return peers_of;
}

/// The fastest peer's place in `best`, which holds `first` others before the peers.
std::size_t fastest_of(const std::vector<double>& best, std::size_t first, std::size_t count) {
    std::size_t winner = first;
    for (std::size_t i = first; i < first + count; ++i) winner = best[i] < best[winner] ? i : winner;
    return winner;
}

/// gemmlowp: where its row goes, for a table of its own; null without it.
void compare(report& to, const options& how, const char* group, const shape& s, double ratio,
             std::vector<peers::row>* gemmlowp, std::vector<double>& ratios) {
    const problem p = s.make();
    peers::ours<std::uint8_t, std::uint8_t> mine(p);
    mine.check();
    candidates others = quantized_peers(p);
    {
        onednn same(p, onednn::kind::matmul, dnnl_type::u8, dnnl_type::u8, true);
        same();
        peers::require_close(mine.y(), static_cast<const std::uint8_t*>(same.y()), 3, 255, "oneDNN");
        peers::xnnpack also(p);
        also();
        peers::require_close(mine.y(), also.y(), 3, 127, "XNNPACK");
    }
    std::vector<std::function<void()>> runs{[] { peers::probe_vnni(); }, [&] { mine(); }};
    runs.insert(runs.end(), others.runs.begin(), others.runs.end());
    std::shared_ptr<peers::gemmlowp_product> old;
    if (gemmlowp) {
        old = std::make_shared<peers::gemmlowp_product>(p);
        (*old)();
        peers::require_close(mine.y(), old->y(), 3, 255, "gemmlowp");
        runs.push_back([old] { (*old)(); });
    }
    const auto best = peers::fastest(runs, how);
    const double limit = peers::probe_vnni() / best[0], rate = p.operations() / best[1];
    const std::size_t winner = fastest_of(best, 2, others.runs.size());
    peers::row row = row_of(group, s.name());
    row.ours = rate * 1e-9;
    row.best_peer = p.operations() / best[winner] * 1e-9;
    row.peer = others.names[winner - 2];
    row.of_limit = rate / limit;
    row.required_ratio = ratio;
    if (s.of_limit > 0) row.required_of_limit = s.of_limit;
    ratios.push_back(*row.ratio());
    to.add(row);
    if (!gemmlowp) return;
    row.group = "int8 product against gemmlowp";
    row.best_peer = p.operations() / best.back() * 1e-9;
    row.peer = "gemmlowp";
    row.required_ratio = 4;
    row.required_of_limit = {};
    gemmlowp->push_back(row);
}

void mean_row(report& to, const std::vector<double>& ratios, const std::string& group, double asked) {
    double sum = 0;
    for (const double r : ratios) sum += std::log(r);
    peers::row row = row_of(group, "geometric mean", "of the peer");
    row.ours = std::exp(sum / double(ratios.size()));
    row.required = asked;
    to.add(row);
}

void raw(report& to, const options& how) {
    for (const shape& s : {shapes[0], shapes[1], shapes[2], shapes[3]}) {
        const problem p = [&] {
            problem made = s.make();
            made.x_zero = 0;
            made.bias.assign(made.bias.size(), 0);
            return made;
        }();
        peers::ours<std::uint8_t, std::int32_t> mine(p);
        mine.check();
        candidates others;
        for (const auto kind : {onednn::kind::matmul, onednn::kind::inner_product})
            for (const dnnl_type in : {dnnl_type::u8, dnnl_type::s8})
                others.add(std::string(kind == onednn::kind::matmul ? "oneDNN matmul" : "oneDNN inner product") +
                               (in == dnnl_type::u8 ? " u8" : " s8"),
                           std::make_shared<onednn>(p, kind, in, dnnl_type::s32, false));
        std::vector<std::function<void()>> runs{[] { peers::probe_vnni(); }, [&] { mine(); }};
        runs.insert(runs.end(), others.runs.begin(), others.runs.end());
        const auto best = peers::fastest(runs, how);
        const std::size_t winner = fastest_of(best, 2, others.runs.size());
        peers::row row = row_of("int8 product, int32 out", s.name());
        row.ours = p.operations() / best[1] * 1e-9;
        row.best_peer = p.operations() / best[winner] * 1e-9;
        row.peer = others.names[winner - 2];
        row.of_limit = row.ours * 1e9 / (peers::probe_vnni() / best[0]);
        row.required_ratio = 0.97;
        to.add(row);
    }
}

/// A product with int8 outputs over the same with int32 outputs: at most 6 % more time.
void requantization_cost(report& to, const options& how) {
    const problem p = shapes[0].make();
    peers::ours<std::uint8_t, std::uint8_t> codes(p);
    peers::ours<std::uint8_t, std::int32_t> raw_product(p);
    const auto best = peers::fastest({[&] { codes(); }, [&] { raw_product(); }}, how);
    peers::row row = row_of("what requantization leaves", "256x256x256");
    row.ours = p.operations() / best[0] * 1e-9;
    row.best_peer = p.operations() / best[1] * 1e-9;
    row.peer = "our int32 outputs";
    row.required_ratio = 1 / 1.06;
    to.add(row);
}

void avx2(report& to, const options& how) {
    const lowbit::isa before = lowbit::active_isa();
    if (!lowbit::set_isa(lowbit::isa::avx2)) return;
    for (const shape& s : {shapes[1], shapes[2]}) {
        const problem p = s.make();
        peers::ours<std::uint8_t, std::uint8_t> mine(p);
        mine.check();
        const auto best = peers::fastest({[] { peers::probe_madd(); }, [&] { mine(); }}, how);
        peers::row row = row_of("int8 product, AVX2 forced", s.name());
        row.ours = p.operations() / best[1] * 1e-9;
        row.of_limit = row.ours * 1e9 / (peers::probe_madd() / best[0]);
        row.required_of_limit = 0.85;
        to.add(row);
    }
    lowbit::set_isa(before);
}

void run(report& to, const options& how) {
    if (lowbit::active_isa() != lowbit::isa::avx512_vnni) return;
    std::vector<double> ratios, small_ratios;
    std::vector<peers::row> gemmlowp;
    for (const shape& s : shapes) compare(to, how, "int8 product", s, 0.97, &gemmlowp, ratios);
    mean_row(to, ratios, "int8 product", 1.0);
    for (const peers::row& row : gemmlowp) to.add(row);
    for (const shape& s : small_shapes) compare(to, how, "int8 product, small", s, 1 / 1.03, nullptr, small_ratios);
    raw(to, how);
    requantization_cost(to, how);
    avx2(to, how);
}

const peers::add_comparison added{"gemm", run};

}  // namespace
