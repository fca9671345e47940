// SPDX-License-Identifier: Apache-2.0
#include <lowbit/calibrate/observers.hpp>

#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <vector>

using lowbit::range;
using lowbit::tensor;

namespace {

tensor<float> random_batches(std::ptrdiff_t batches, std::ptrdiff_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    tensor<float> values({batches, size});
    for (float& x : values) x = normal(random);
    return values;
}

}  // namespace

TEST_CASE("min/max: any split and any order of merging gives the same bits") {
    const auto values = random_batches(30, 17, 1);
    lowbit::min_max_observer whole;
    whole.observe(values);
    const unsigned seed = GENERATE(Catch::Generators::range(0u, 20u));
    std::mt19937 random(seed);
    std::vector<lowbit::min_max_observer> parts(5);
    for (std::ptrdiff_t b = 0; b < 30; ++b) parts[random() % 5].observe(values.view().span().subspan(b * 17, 17));
    lowbit::min_max_observer merged;
    std::shuffle(parts.begin(), parts.end(), random);
    for (const auto& part : parts) merged.merge(part);
    CHECK(merged == whole);
}

TEST_CASE("observers of nothing have no range") {
    CHECK_THROWS_WITH(lowbit::min_max_observer().observed(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(lowbit::ema_observer().observed(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(lowbit::channel_min_max_observer().observed(), Catch::Contains("no batch"));
    CHECK_THROWS_WITH(lowbit::min_max_observer().observe(std::vector<float>{}), Catch::Contains("no values"));
    lowbit::min_max_observer observer;
    observer.merge(lowbit::min_max_observer());
    CHECK(observer.empty());
}

TEST_CASE("observers refuse NaN and say where") {
    const std::vector<float> values{1, 2, std::numeric_limits<float>::quiet_NaN()};
    CHECK_THROWS_WITH(lowbit::min_max_observer().observe(values), Catch::Contains("index 2"));
    CHECK_THROWS_WITH(lowbit::ema_observer().observe(values), Catch::Contains("index 2"));
    CHECK_THROWS_WITH(lowbit::channel_min_max_observer().observe(values), Catch::Contains("index 2"));
}

TEST_CASE("moving average: the first batch initialises, the newest weighs c") {
    lowbit::ema_observer observer(0.25f);
    observer.observe(std::vector<float>{-1, 4});
    CHECK(observer.observed() == range{-1, 4});
    observer.observe(std::vector<float>{-5, 8});
    CHECK(observer.observed() == range{-2, 5});
    CHECK_THROWS_WITH(lowbit::ema_observer(0), Catch::Contains("rate"));
    CHECK_THROWS_WITH(observer.merge(lowbit::ema_observer(0.5f)), Catch::Contains("rates"));
}

TEST_CASE("moving average: splitting the sequence of batches and merging in order gives the same average") {
    const auto values = random_batches(40, 9, 2);
    const auto batch = [&](std::ptrdiff_t b) { return values.view().span().subspan(b * 9, 9); };
    lowbit::ema_observer whole(0.1f);
    for (std::ptrdiff_t b = 0; b < 40; ++b) whole.observe(batch(b));
    const std::ptrdiff_t cut = GENERATE(0, 1, 7, 20, 39, 40);
    lowbit::ema_observer first(0.1f), second(0.1f);
    for (std::ptrdiff_t b = 0; b < 40; ++b) (b < cut ? first : second).observe(batch(b));
    first.merge(second);
    CHECK(first.observed().min == Approx(whole.observed().min).epsilon(1e-6));
    CHECK(first.observed().max == Approx(whole.observed().max).epsilon(1e-6));
}

TEST_CASE("per channel: one range per index of the axis") {
    tensor<float> x({2, 3, 2});
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * (i % 2 ? -1.0f : 1.0f);
    for (const int axis : {0, 1, 2, -1}) {
        lowbit::channel_min_max_observer observer(axis);
        observer.observe(x);
        const int real = axis < 0 ? axis + 3 : axis;
        REQUIRE(std::ssize(observer.observed()) == x.shape()[real]);
        for (std::ptrdiff_t c = 0; c < x.shape()[real]; ++c) {
            lowbit::min_max_observer expected;
            for (std::ptrdiff_t i = 0; i < 2; ++i) {
                for (std::ptrdiff_t j = 0; j < 3; ++j) {
                    for (std::ptrdiff_t k = 0; k < 2; ++k) {
                        if ((real == 0 ? i : real == 1 ? j : k) == c) expected.observe(std::vector<float>{x(i, j, k)});
                    }
                }
            }
            CHECK(observer.observed()[static_cast<std::size_t>(c)] == expected.observed());
        }
    }
}

TEST_CASE("per channel: parts merge to the whole, and channel counts must agree") {
    const auto values = random_batches(12, 5, 3);
    lowbit::channel_min_max_observer whole, first, second;
    whole.observe(values);
    for (std::ptrdiff_t b = 0; b < 12; ++b) {
        (b % 3 ? first : second).observe(lowbit::tensor_view<const float>(values.data() + b * 5, {1, 5}));
    }
    second.merge(first);
    second.merge(lowbit::channel_min_max_observer());
    CHECK(second == whole);
    CHECK_THROWS_WITH(whole.observe(tensor<float>({2, 4})), Catch::Contains("channels"));
    lowbit::channel_min_max_observer other;
    other.observe(tensor<float>({2, 4}));
    CHECK_THROWS_WITH(whole.merge(other), Catch::Contains("channels"));
}

TEST_CASE("golden: torch's min/max observers") {
    const auto table = golden::load_csv("calibration/torch_observers.csv");
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        const auto batch = golden::load<float>("calibration/" + table.at(row, "data") + ".batch0.npy");
        lowbit::min_max_observer observer;
        observer.observe(batch);
        CHECK(observer.observed() == range{static_cast<float>(table.number(row, "min_val")),
                                           static_cast<float>(table.number(row, "max_val"))});
    }
}

TEST_CASE("golden: the moving average of twenty batches, to the bit") {
    const auto batches = golden::load<float>("qat/ema.batches.npy");
    const auto expected = golden::load<double>("qat/ema.min_max_scale_zp.npy");
    lowbit::ema_observer observer(0.01f);
    for (std::ptrdiff_t b = 0; b < batches.shape()[0]; ++b) {
        observer.observe(batches.view().span().subspan(static_cast<std::size_t>(b * 200), 200));
        CHECK(double{observer.observed().min} == expected(b, 0));
        CHECK(double{observer.observed().max} == expected(b, 1));
    }
}
