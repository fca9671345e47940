// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/kl.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace {

/// The definition, bin by bin.
std::size_t plain_kl_bins(const std::vector<std::uint64_t>& counts, std::size_t levels) {
    const std::size_t bins = counts.size();
    double least = 1e300;
    std::size_t best = bins;
    for (std::size_t i = std::min(levels, bins); i <= bins; ++i) {
        std::vector<double> p(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(i)), q(i);
        for (std::size_t level = 0; level < levels; ++level) {
            double sum = 0, filled = 0;
            const auto in_level = [&](std::size_t j) { return j * levels / i == level; };
            for (std::size_t j = 0; j < i; ++j) {
                if (in_level(j) && counts[j] > 0) sum += p[j], filled += 1;
            }
            for (std::size_t j = 0; j < i; ++j) {
                if (in_level(j) && counts[j] > 0) q[j] = sum / filled;
            }
        }
        for (std::size_t j = i; j < bins; ++j) p[i - 1] += static_cast<double>(counts[j]);
        double p_sum = 0, q_sum = 0, divergence = 0;
        for (std::size_t j = 0; j < i; ++j) p_sum += p[j], q_sum += q[j];
        for (std::size_t j = 0; j < i; ++j) {
            if (p[j] > 0) divergence += q[j] > 0 ? p[j] / p_sum * std::log(p[j] / p_sum / (q[j] / q_sum)) : 1e300;
        }
        if (q_sum > 0 && divergence <= least * (1 + 1e-9)) {
            least = divergence;
            best = i;
        }
    }
    return best;
}

}  // namespace

TEST_CASE("prefix sums give what the definition gives") {
    std::mt19937 random(1);
    const std::size_t bins = GENERATE(5u, 64u, 97u, 200u);
    const std::size_t levels = GENERATE(2u, 8u, 16u, 128u);
    std::vector<std::uint64_t> counts(bins);
    for (std::size_t i = 0; i < bins; ++i) {
        const double expected = 1000 * std::exp(-static_cast<double>(i * i) / static_cast<double>(bins * bins) * 8);
        counts[i] = random() % 5 == 0 ? 0 : static_cast<std::uint64_t>(expected * (0.5 + double(random() % 100) / 100));
    }
    CHECK(lowbit::kl_bins(counts, levels) == plain_kl_bins(counts, levels));
}

TEST_CASE("empty bins and nothing at all are survived") {
    CHECK(lowbit::kl_bins({}, 128) == 0);
    CHECK(lowbit::kl_bins(std::vector<std::uint64_t>(2048), 128) == 2048);
    std::vector<std::uint64_t> outlier(2048);
    outlier[0] = 1000;
    outlier[2047] = 1;
    CHECK(lowbit::kl_bins(outlier, 128) == 2048);  // every shorter candidate drops the outlier into an empty bin
}

TEST_CASE("golden: NVIDIA's entropy calibrator, the same algorithm, within one bin") {
    const auto table = golden::load_csv("calibration/kl_mse_percentile_thresholds.csv");
    int compared = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        if (table.at(row, "impl") != "NVIDIA modelopt entropy") continue;
        const std::string data = table.at(row, "data");
        const bool is_unsigned = table.at(row, "param").find("unsigned=True") != std::string::npos;
        auto h = lowbit::magnitude_histogram(golden::load<float>("calibration/" + data + ".batch0.npy").span());
        h.counts[0] = h.counts[1];  // what that calibrator does against the zeros
        const auto kept = lowbit::kl_bins(h.counts, is_unsigned ? 256 : 128);
        INFO(data);
        CHECK(static_cast<double>(kept) * h.width == Approx(table.number(row, "th_hi_or_amax")).margin(1.01 * h.width));
        ++compared;
    }
    CHECK(compared == 4);
}
