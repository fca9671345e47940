// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/mse.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

/// A standard density as a distribution of total mass 1: the search itself, without a sample's noise.
struct density_model {
    bool laplace;

    lowbit::tail above(double t) const {
        if (laplace) {
            const double upper = 0.5 * std::exp(-std::abs(t));
            return {t >= 0 ? upper : 1 - upper, upper * (1 + std::abs(t))};
        }
        return {0.5 * std::erfc(t * std::sqrt(0.5)), std::exp(-t * t / 2) / std::sqrt(2 * M_PI)};
    }
    float quantile(double) const { return 0; }
    double square_sum() const { return laplace ? 2 : 1; }
    lowbit::range extremes() const { return {-30, 30}; }
};

double plain_error(const std::vector<float>& values, double scale, int lowest, int highest) {
    double error = 0;
    for (const float x : values) {
        const double code = std::clamp<double>(std::floor(x / scale + 0.5), lowest, highest);
        error += (x - code * scale) * (x - code * scale);
    }
    return error;
}

std::vector<float> sample(std::size_t n, unsigned seed, bool heavy = false) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::cauchy_distribution<float> cauchy;
    std::vector<float> values(n);
    for (float& x : values) x = heavy ? cauchy(random) : normal(random);
    return values;
}

/// NVIDIA's search: every |x| counts as the center of its bin, and only centers are tried as clips.
double clip_by_centers(const lowbit::histogram& h, int highest, std::size_t first) {
    const auto center = [&](std::size_t bin) { return (static_cast<double>(bin) + 0.5) * h.width; };
    double least = 1e300, best = 0;
    for (std::size_t i = first; i < h.counts.size(); ++i) {
        const double step = center(i) / highest;
        double error = 0;
        for (std::size_t j = 0; j < h.counts.size(); ++j) {
            const double off = std::min<double>(std::nearbyint(center(j) / step), highest) * step - center(j);
            error += off * off * static_cast<double>(h.counts[j] + (j == 0 ? h.zeros : 0));
        }
        if (error < least) least = error, best = center(i);
    }
    return best;
}

/// torch's search (HistogramObserver, without the cast that truncates): 2048 bins from least to largest value, then a
/// step of 10⁻⁵ of the values off whichever end has more bins for it, until the error first rises. The error is that of
/// 256 equal cells between the two ends, each value going to its cell's center: 0 need not be on that grid.
lowbit::range range_by_walking(const std::vector<float>& values) {
    constexpr int bins = 2048, cells = 256;
    const lowbit::range all = lowbit::finite_range(values, "x");
    const double width = (double{all.max} - double{all.min}) / bins, total = static_cast<double>(values.size());
    std::vector<double> counts(bins), up_to(bins);
    for (const float x : values)
        ++counts[std::min<std::size_t>(bins - 1, static_cast<std::size_t>((double{x} - double{all.min}) / width))];
    std::partial_sum(counts.begin(), counts.end(), up_to.begin());
    const auto error_of = [&](int first, int last) {
        const double cell = width * (last - first + 1) / cells;
        const auto cube = [](double from, double to) { return (to * to * to - from * from * from) / 3; };
        double error = 0;
        for (int i = 0; i < bins; ++i) {
            const double begin = (i - first) * width, end = begin + width;
            const double from = std::clamp(std::floor(begin / cell), 0.0, cells - 1.0);
            const double to = std::clamp(std::floor(end / cell), 0.0, cells - 1.0);
            error += counts[static_cast<std::size_t>(i)] / width *
                     (cube(begin - (from + 0.5) * cell, cell / 2) + (to - from - 1) * cube(-cell / 2, cell / 2) +
                      cube(-cell / 2, end - (to + 0.5) * cell));
        }
        return error;
    };
    int first = 0, last = bins - 1;
    double low = 0, high = 1, least = 1e300;
    while (low < high) {
        int left = first, right = last;
        while (left < last && up_to[static_cast<std::size_t>(left)] < (low + 1e-5) * total) ++left;
        while (right > first && up_to[static_cast<std::size_t>(right)] > (high - 1e-5) * total) --right;
        int next_first = first, next_last = last;
        if (left - first > last - right)
            next_first = left, low += 1e-5;
        else
            next_last = right, high -= 1e-5;
        if (next_first == first && next_last == last) continue;
        const double error = error_of(next_first, next_last);
        if (error > least) break;
        least = error, first = next_first, last = next_last;
    }
    return {static_cast<float>(double{all.min} + width * first),
            static_cast<float>(double{all.min} + width * (last + 1))};
}

std::vector<float> golden_batch(const std::string& data) {
    const auto batch = golden::load<float>("calibration/" + data + ".batch0.npy");
    return {batch.begin(), batch.end()};
}

}  // namespace

TEST_CASE("the error of a grid is the error of rounding every value") {
    const auto values = sample(3000, 1);
    const lowbit::sorted_values sorted(values);
    for (const double scale : {0.01, 0.3, 1.7}) {
        for (const auto& [lowest, highest] : {std::pair{-7, 7}, {-8, 7}, {0, 15}, {-3, 12}, {-128, 127}}) {
            CHECK(lowbit::grid_error(sorted, scale, lowest, highest) ==
                  Approx(plain_error(values, scale, lowest, highest)).epsilon(1e-9));
        }
    }
}

TEST_CASE("golden: the optimal steps of Gauss and Laplace densities") {
    const auto steps = golden::load_csv("calibration/exact_optimal_uniform_step.csv");
    const auto gauss_sample = sample(1000000, 2);
    const lowbit::sorted_values sorted(gauss_sample);
    for (std::size_t row = 0; row < steps.rows.size(); ++row) {
        const bool laplace = steps.at(row, "dist") != "gauss";
        const int codes = 1 << (steps.integer(row, "bits") - 1);
        const density_model model{laplace};
        INFO("row " << row);
        for (const bool full : {false, true}) {
            // Columns: dist, bits, narrow step, its error, full step, its error, …
            const double step = std::stod(steps.rows[row][full ? 4 : 2]),
                         error = std::stod(steps.rows[row][full ? 5 : 3]);
            const int lowest = full ? -codes : 1 - codes;
            const auto found = lowbit::best_scale(model, lowest, codes - 1);
            CHECK(found.error == Approx(error).epsilon(1e-6));
            CHECK(found.scale == Approx(step).epsilon(5e-3));
            if (laplace) continue;
            const auto on_sample = lowbit::best_scale(sorted, lowest, codes - 1);
            // A sample's own optimum is off the density's by its noise, about 1/√n of the error.
            CHECK(lowbit::grid_error(model, on_sample.scale, lowest, codes - 1) == Approx(error).epsilon(5e-3));
        }
    }
}

TEST_CASE("the search is as good as trying 20,000 scales") {
    const bool heavy = GENERATE(false, true);
    const std::size_t n = GENERATE(10u, 300u, 20000u);
    const auto values = sample(n, static_cast<unsigned>(n), heavy);
    const lowbit::sorted_values magnitudes = lowbit::sorted_values::magnitudes(values);
    for (const int highest : {1, 3, 7, 127}) {
        const auto found = lowbit::best_scale(magnitudes, 0, highest);
        const double widest = double{magnitudes.extremes().max} / (highest - 0.5);
        double best = found.error;
        const int tries = n * static_cast<std::size_t>(highest) > 100000 ? 500 : 20000;
        for (int i = 1; i <= tries; ++i) {
            best = std::min(best, lowbit::grid_error(magnitudes, widest * i / tries, 0, highest));
        }
        INFO("n " << n << " highest " << highest << " heavy " << heavy);
        CHECK(found.error <= best * (n < 100 ? 1.1 : 1.003));
    }
}

TEST_CASE("asymmetric grids find what a shifted distribution needs") {
    auto values = sample(20000, 3);
    for (float& x : values) x = x < 0 ? x * 0.2f : x;
    const lowbit::sorted_values sorted(values);
    for (const int bits : {2, 3, 4, 8}) {
        const auto found = lowbit::best_asymmetric_grid(sorted, bits);
        CHECK(found.highest - found.lowest == (1 << bits) - 1);
        CHECK(found.error == Approx(plain_error(values, found.scale, found.lowest, found.highest)).epsilon(1e-9));
        double best = found.error;
        for (int zero = 0; zero < (1 << bits); ++zero) {
            best = std::min(best, lowbit::best_scale(sorted, -zero, (1 << bits) - 1 - zero).error);
        }
        INFO(bits << " bits");
        CHECK(found.error <= best * 1.005);
    }
}

TEST_CASE("one-sided and degenerate values") {
    const std::vector<float> positive{1, 2, 3, 4}, zero{0, 0};
    const lowbit::sorted_values up(positive);
    CHECK(lowbit::best_asymmetric_grid(up, 3).lowest == 0);
    CHECK(lowbit::best_asymmetric_grid(up, 3).scale == 1);
    CHECK(lowbit::best_asymmetric_grid(lowbit::sorted_values(std::vector<float>{-1, -2}), 3).highest == 0);
    CHECK(lowbit::best_scale(lowbit::sorted_values(zero), -7, 7).scale == 0);
    CHECK(lowbit::best_asymmetric_grid(lowbit::sorted_values(zero), 4).covered() == lowbit::range{});
}

TEST_CASE("golden: NVIDIA's search gives its thresholds within a bin, and ours the smaller error") {
    // That search tells apart neither two values in a bin nor two clips less than a bin away. The least error of the
    // data itself is within 0.2 % of its clips, up to three bins away.
    const auto table = golden::load_csv("calibration/kl_mse_percentile_thresholds.csv");
    int compared = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        if (table.at(row, "impl") != "NVIDIA modelopt mse") continue;
        const std::string data = table.at(row, "data"), parameter = table.at(row, "param");
        INFO(data << " " << parameter);
        const int bits = parameter.find("num_bits=8") != std::string::npos ? 8 : 4;
        const int highest = (1 << (data == "relu_gauss" ? bits : bits - 1)) - 1;
        const auto values = golden_batch(data);
        const auto histogram = lowbit::magnitude_histogram(values);
        const double theirs = table.number(row, "th_hi_or_amax");
        CHECK(clip_by_centers(histogram, highest, bits == 8 ? 128 : 16) ==
              Approx(theirs).margin(1.01 * histogram.width));
        const double their_error = plain_error(values, theirs / highest, -highest, highest);
        const auto exact = lowbit::best_scale(lowbit::sorted_values::magnitudes(values), 0, highest);
        const auto from_bins = lowbit::best_scale(lowbit::binned_values(histogram), 0, highest);
        CHECK(exact.error <= their_error * 1.0005);
        CHECK(plain_error(values, from_bins.scale, -highest, highest) <= their_error * 1.002);
        CHECK(exact.scale * highest == Approx(theirs).epsilon(0.002));
        ++compared;
    }
    CHECK(compared == 8);
}

TEST_CASE("golden: torch's search gives its ranges within a bin, and ours the smaller error") {
    // Its walk ends at the first rise, and its error is that of a grid which is not the one that codes use. The error
    // of fake quantization with the row's own scale and zero point decides.
    const auto table = golden::load_csv("calibration/torch_observers.csv");
    int compared = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        const std::string data = table.at(row, "data"), observer_name = table.at(row, "observer");
        if (observer_name.find("Hist_fixed") != 0) continue;
        INFO(data << " " << observer_name);
        const auto values = golden_batch(data);
        const lowbit::range walked = range_by_walking(values), seen = lowbit::finite_range(values, "x");
        const double bin = (double{seen.max} - double{seen.min}) / 2048;
        CHECK(walked.min == Approx(table.number(row, "searched_min")).margin(1.01 * bin));
        CHECK(walked.max == Approx(table.number(row, "searched_max")).margin(1.01 * bin));

        lowbit::histogram_observer observer;
        observer.observe(values);
        const bool symmetric = table.integer(row, "zero_point") == 0 && table.integer(row, "qmin") < 0;
        const lowbit::binned_values binned(symmetric ? observer.counted().magnitudes() : observer.counted());
        const int codes = static_cast<int>(table.integer(row, "qmax") - table.integer(row, "qmin")) + 1;
        double error = 0;
        if (symmetric) {
            error = plain_error(values, lowbit::best_scale(binned, 0, codes / 2 - 1).scale, -codes / 2, codes / 2 - 1);
        } else {
            const auto grid = lowbit::best_asymmetric_grid(binned, codes == 256 ? 8 : 7);
            error = plain_error(values, grid.scale, grid.lowest, grid.highest);
        }
        CHECK(error / static_cast<double>(values.size()) <= table.number(row, "fakequant_mse") * 1.0001);
        ++compared;
    }
    CHECK(compared == 12);
}
