// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/kmeans.hpp>

#include <lowbit/core/metrics.hpp>
#include <lowbit/schemes/any.hpp>

#include <tests/support/gaussian.hpp>
#include <tests/support/two_threads.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <thread>
#include <vector>

using namespace lowbit;

TEST_CASE("kmeans: quantize and dequantize at every width") {
    const tensor<float> x = gaussian({60, 50});
    double before = 1e300;
    for (int bits = 1; bits <= 16; ++bits) {
        const kmeans scheme{.bits = bits};
        const kmeans_tensor q = quantize(x, scheme);
        CHECK(q.scheme() == scheme);
        CHECK(q.shape() == x.shape());
        CHECK(q.bytes() == bytes(scheme, x.shape()));
        CHECK(q.bytes() == (3000 * bits + 7) / 8 + 4 * std::min(3000, 1 << bits));
        CHECK(q.bits_per_element() == Approx(8.0 * double(q.bytes()) / 3000));
        const double error = compare(x, dequantize(q)).noise;
        CHECK(error == Approx(q.codebooks()[0].objective).margin(1e-9));
        CHECK((error < before || error == 0));
        before = error;
        const tensor<std::int32_t> codes = q.codes(), nearest = nearest_labels(x, q.codebooks()[0]);
        for (std::ptrdiff_t i = 0; i < codes.size(); ++i) REQUIRE(codes[i] == nearest[i]);
    }
    CHECK(before == 0);  // 65,536 centroids hold 3,000 values
}

TEST_CASE("kmeans: a codebook for each channel or group is the codebook of its values") {
    const tensor<float> x = gaussian({6, 40, 7});
    const granularity how =
        GENERATE(per_channel(0), per_channel(1), per_channel(-1), per_group(1, 16), per_group(-1, 3));
    const kmeans_tensor q = quantize(x, kmeans{.bits = 2, .granularity = how});
    const partition sets(x.shape(), how);
    REQUIRE(std::ssize(q.codebooks()) == sets.count());
    CHECK(q.bytes() == bytes(q.scheme(), x.shape()));
    const tensor<float> y = dequantize(q);
    for (std::ptrdiff_t s = 0; s < sets.count(); ++s) {
        std::vector<float> values, decoded;
        sets[s].for_each([&](std::ptrdiff_t i) {
            values.push_back(x[i]);
            decoded.push_back(y[i]);
        });
        const codebook book = kmeans_codebook(values, 4);
        REQUIRE(book == q.codebooks()[static_cast<std::size_t>(s)]);
        REQUIRE(mse(values, decoded) * double(values.size()) == Approx(book.objective).margin(1e-12));
    }
}

TEST_CASE("kmeans: importance moves the centroids") {
    const std::vector<float> x{0, 1, 2, 10}, importance{1, 1, 0, 1};
    CHECK(kmeans_codebook(x, 2, importance).centroids == std::vector<float>{0.5f, 10});
    CHECK(quantize(x, kmeans{.bits = 1}, importance).codebooks()[0].centroids == std::vector<float>{0.5f, 10});
    const tensor<float> grouped({2, 2}, x);
    CHECK(quantize(grouped, kmeans{.bits = 1, .granularity = per_channel(0)}, importance).codebooks()[1].centroids ==
          std::vector<float>{10});
    CHECK_THROWS_AS(quantize(grouped, kmeans{.granularity = per_channel(0)}, std::vector<float>{1, 1, -1, 1}), error);
}

TEST_CASE("kmeans: a caller's codebook is used as it is") {
    const std::vector<float> x{-1, 0.1f, 0.9f, 5};
    const codebook book{{1, 0, -3}};
    const kmeans_tensor q = quantize(x, book);
    CHECK(q.scheme() == kmeans{.bits = 2});
    const tensor<float> y = dequantize(q);
    CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{0, 0, 1, 1});
    CHECK(q.codebooks()[0] == book);
    CHECK(q.bytes() == 1 + 4 * 4);
    CHECK(quantize(x, codebook{{7}}).codes()[3] == 0);
    CHECK_THROWS_AS(quantize(x, codebook{}), error);
    two_threads pool;
    for (const float bad : {std::nanf(""), -std::nanf("")}) {
        std::vector<float> values(100000, 1);
        values[54321] = values[98765] = bad;
        CHECK_THROWS_WITH(quantize(values, book, pool), Catch::Contains("NaN at index 54321"));
        CHECK_THROWS_WITH(nearest_labels(values, book), Catch::Contains("NaN at index 54321"));
        CHECK_THROWS_WITH(kmeans_codebook(values, 4), Catch::Contains("index 54321 is not finite"));
        CHECK_THROWS_WITH(kmeans_codebook(values, 4, {}, true, pool), Catch::Contains("index 54321 is not finite"));
    }
    CHECK(quantize(std::vector<float>{1, 2}, codebook{{1, 2, 3, 4, 5}}).bytes() == 1 + 4 * 5);
}

TEST_CASE("kmeans: the same bits on any executor") {
    const tensor<float> x = gaussian({200000});
    two_threads pool;
    for (const bool fast : {false, true}) {
        const kmeans scheme{.bits = 5, .fast = fast};
        const kmeans_tensor one = quantize(x, scheme), two = quantize(x, scheme, executor(pool));
        CHECK(one == two);
        CHECK(one.codebooks()[0].objective == two.codebooks()[0].objective);
        CHECK(dequantize(one) == dequantize(two, executor(pool)));
    }
    const kmeans rows{.bits = 3, .granularity = per_group(-1, 1000)};
    CHECK(quantize(x, rows) == quantize(x, rows, executor(pool)));
}

TEST_CASE("kmeans: strings") {
    for (const char* text : {"kmeans1", "kmeans16", "kmeans4:fast", "kmeans3:channel=0", "kmeans8:group=64@1:fast"}) {
        CHECK(to_string(parse_scheme(text)) == text);
    }
    CHECK(parse_scheme("kmeans4:exact") == any_scheme(kmeans{.bits = 4}));
    for (const char* text : {"kmeans", "kmeans0", "kmeans17", "kmeans4:asymmetric", "kmeans4:fast:exact"}) {
        CHECK_THROWS_AS(parse_scheme(text), error);
    }
}

TEST_CASE("kmeans: bad input") {
    CHECK_THROWS_AS(quantize(std::vector<float>{1}, kmeans{.bits = 0}), error);
    CHECK_THROWS_AS(quantize(std::vector<float>{1}, kmeans{.bits = 17}), error);
    CHECK_THROWS_WITH(quantize(std::vector<float>{1, INFINITY}, kmeans{}), Catch::Contains("index 1"));
    CHECK_THROWS_WITH(quantize(std::vector<float>{1, NAN}, kmeans{}), Catch::Contains("index 1"));
    const tensor<float> bad({2, 2}, std::vector<float>{1, 2, 3, INFINITY});
    CHECK_THROWS_WITH(quantize(bad, kmeans{.granularity = per_channel(0)}), Catch::Contains("index 3"));
    CHECK(quantize(std::vector<float>{}, kmeans{}).bytes() == 0);
    const std::vector<float> same(5, 2.5f);
    CHECK(quantize(same, kmeans{}).codebooks()[0].size() == 1);
    CHECK(dequantize(quantize(same, kmeans{}))[4] == 2.5f);
    CHECK_THROWS_AS(kmeans_tensor(kmeans{}, {3}, packed_codes(3, 4, false), {}), error);
    CHECK_THROWS_AS(kmeans_tensor(kmeans{}, {3}, packed_codes(3, 3, false), {codebook{{1}}}), error);
    CHECK_THROWS_AS(kmeans_tensor(kmeans{.bits = 1}, {3}, packed_codes(3, 1, false), {codebook{{1, 2, 3}}}), error);
}
