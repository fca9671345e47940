// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/histogram.hpp>
#include <lowbit/calibrate/mse.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <cmath>
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

TEST_CASE("golden: toolkits' histogram searches are not better on their own data") {
    // NVIDIA's calibrator measures the error at bin centers and takes only centers as clips; torch's walks quantiles
    // until the error first rises. This search minimises the error itself, so it may and does choose other clips.
    const auto table = golden::load_csv("calibration/kl_mse_percentile_thresholds.csv");
    int compared = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        if (table.at(row, "impl") != "NVIDIA modelopt mse") continue;
        const std::string data = table.at(row, "data"), parameter = table.at(row, "param");
        INFO(data << " " << parameter);
        const int bits = parameter.find("num_bits=8") != std::string::npos ? 8 : 4;
        const int highest = (1 << (data == "relu_gauss" ? bits : bits - 1)) - 1;
        const auto batch = golden::load<float>("calibration/" + data + ".batch0.npy");
        const std::vector<float> values(batch.begin(), batch.end());
        const double theirs = table.number(row, "th_hi_or_amax");
        const double their_error = plain_error(values, theirs / highest, -highest, highest);
        const auto exact = lowbit::best_scale(lowbit::sorted_values::magnitudes(values), 0, highest);
        const lowbit::binned_values binned(lowbit::magnitude_histogram(values));
        const auto from_bins = lowbit::best_scale(binned, 0, highest);
        CHECK(exact.error <= their_error * 1.0005);
        CHECK(plain_error(values, from_bins.scale, -highest, highest) <= their_error * 1.002);
        if (bits == 4) CHECK(exact.scale * highest == Approx(theirs).epsilon(0.01));
        ++compared;
    }
    CHECK(compared == 8);

    const auto torch = golden::load_csv("calibration/torch_observers.csv");
    compared = 0;
    for (std::size_t row = 0; row < torch.rows.size(); ++row) {
        if (torch.at(row, "observer") != "Hist_fixed_quint8") continue;
        const std::string data = torch.at(row, "data");
        INFO(data);
        const auto batch = golden::load<float>("calibration/" + data + ".batch0.npy");
        lowbit::histogram_observer observer;
        observer.observe(batch);
        const auto grid = lowbit::best_asymmetric_grid(lowbit::binned_values(observer.counted()), 8);
        const double error = plain_error({batch.begin(), batch.end()}, grid.scale, grid.lowest, grid.highest);
        CHECK(error / static_cast<double>(batch.size()) <= torch.number(row, "fakequant_mse"));
        ++compared;
    }
    CHECK(compared == 4);
}
