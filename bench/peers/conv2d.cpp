// SPDX-License-Identifier: Apache-2.0
/// @file
/// Convolutions and depthwise convolutions, NHWC, fixed-point requantization per channel, bias, ReLU and zero points on
/// both sides, against the best of oneDNN's variants (with and without zero points; it skips taps in the padding, which
/// is how a rate can pass the limit) and XNNPACK.
#include <bench/peers/integer.hpp>

#include <cmath>

namespace {

using dnnl_type = dnnl::memory::data_type;
using peers::onednn;
using peers::options;
using peers::problem;
using peers::report;

struct layer {
    const char* name;
    std::ptrdiff_t size, in, out, kernel, stride, pad, groups;
    double asked;

    lowbit::conv2d_shape shape() const {
        return {size, size, in, out, {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1}, groups};
    }
};

constexpr layer regular[] = {
    {"7x7 s2 3->64 @224", 224, 3, 64, 7, 2, 3, 1, 0.97},  {"3x3 64->64 @56", 56, 64, 64, 3, 1, 1, 1, 0.97},
    {"3x3 128->128 @28", 28, 128, 128, 3, 1, 1, 1, 0.97}, {"3x3 256->256 @14", 14, 256, 256, 3, 1, 1, 1, 0.97},
    {"3x3 512->512 @7", 7, 512, 512, 3, 1, 1, 1, 0.97},   {"1x1 64->256 @56", 56, 64, 256, 1, 1, 0, 1, 0.97},
    {"1x1 256->64 @56", 56, 256, 64, 1, 1, 0, 1, 0.97},   {"1x1 512->2048 @7", 7, 512, 2048, 1, 1, 0, 1, 0.97},
};
constexpr layer depthwise[] = {
    {"depthwise 3x3 s1 32 @112", 112, 32, 32, 3, 1, 1, 32, 2.0},
    {"depthwise 3x3 s2 96 @112", 112, 96, 96, 3, 2, 1, 96, 1.5},
    {"depthwise 3x3 s1 576 @14", 14, 576, 576, 3, 1, 1, 576, 2.5},
};

double compare(report& to, const options& how, const char* group, const layer& l) {
    problem p(l.shape(), 1, false);
    p.x_zero = 13;
    p.y_zero = 3;
    p.relu = {{3, 255}};
    peers::ours<std::uint8_t, std::uint8_t> mine(p);
    mine.check();
    std::vector<std::string> names;
    std::vector<std::function<void()>> runs{[] { peers::probe_vnni(); }, [&] { mine(); }};
    const auto add = [&](const std::string& name, auto peer) {
        names.push_back(name);
        runs.push_back([peer] { (*peer)(); });
    };
    const auto convolution = [&](dnnl_type in, bool zeros) {
        return std::make_shared<onednn>(p, onednn::kind::convolution, in, in, zeros);
    };
    add("oneDNN u8", convolution(dnnl_type::u8, false));
    add("oneDNN s8", convolution(dnnl_type::s8, false));
    const auto zeros = convolution(dnnl_type::u8, true);
    add("oneDNN u8 zero points", zeros);
    (*zeros)();
    peers::require_close(mine.y(), static_cast<const std::uint8_t*>(zeros->y()), 3, 255, "oneDNN");
    if (l.groups == 1) {
        const auto xnn = std::make_shared<peers::xnnpack>(p);
        (*xnn)();
        peers::require_close(mine.y(), xnn->y(), 3, 127, "XNNPACK");
    }
    add("XNNPACK qc8", std::make_shared<peers::xnnpack>(p));
    const auto best = peers::fastest(runs, how);
    std::size_t winner = 2;
    for (std::size_t i = 2; i < best.size(); ++i) winner = best[i] < best[winner] ? i : winner;
    peers::row row;
    row.group = group;
    row.name = l.name;
    row.isa = std::string(to_string(lowbit::active_isa()));
    row.unit = "GOPS";
    row.ours = p.operations() / best[1] * 1e-9;
    row.best_peer = p.operations() / best[winner] * 1e-9;
    row.peer = names[winner - 2];
    row.of_limit = row.ours * 1e9 / (peers::probe_vnni() / best[0]);
    row.required_ratio = l.asked;
    to.add(row);
    return *row.ratio();
}

void run(report& to, const options& how) {
    if (lowbit::active_isa() != lowbit::isa::avx512_vnni) return;
    double sum = 0;
    for (const layer& l : regular) sum += std::log(compare(to, how, "int8 convolution", l));
    peers::row mean;
    mean.group = "int8 convolution";
    mean.name = "geometric mean";
    mean.isa = std::string(to_string(lowbit::active_isa()));
    mean.unit = "of the peer";
    mean.ours = std::exp(sum / double(std::size(regular)));
    mean.required = 1.0;
    to.add(mean);
    for (const layer& l : depthwise) compare(to, how, "int8 depthwise convolution", l);
}

const peers::add_comparison added{"conv2d", run};

}  // namespace
