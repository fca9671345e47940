// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/vector_codebook.hpp>

#include <lowbit/core/metrics.hpp>
#include <lowbit/core/pools.hpp>

#include <tests/support/gaussian.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using namespace lowbit;

TEST_CASE("vector_codebook: labels are the nearest, the error falls with k") {
    const tensor<float> x = gaussian({500, 8});
    for (const std::ptrdiff_t d : {1, 2, 4, 8}) {
        double before = 1e300;
        for (const std::ptrdiff_t k : {1, 4, 33, 256, 600}) {
            const vector_codebook book = train_vector_codebook(x, d, k);
            const auto labels = nearest_labels(x, book);
            double total = 0;
            for (std::size_t v = 0; v < labels.size(); ++v) {
                double best = 1e300;
                for (std::ptrdiff_t c = 0; c < book.size(); ++c)
                    best = std::min(best, detail::squared_distance(x.data() + std::ptrdiff_t(v) * d,
                                                                   book.centroids.data() + c * d, d));
                const double found = detail::squared_distance(x.data() + std::ptrdiff_t(v) * d,
                                                              book.centroids.data() + labels[v] * d, d);
                REQUIRE(found <= best + 1e-5);
                total += found;
            }
            CHECK(total <= book.objective * (1 + 1e-5) + 1e-4);
            CHECK(total < before);
            before = total + 1e-9;
        }
    }
}

TEST_CASE("vector_codebook: fewer distinct vectors than centroids, and no empty cluster") {
    const std::vector<float> x{1, 2, 3, 4, 1, 2, 1, 2};
    const vector_codebook book = train_vector_codebook(x, 2, 16);
    CHECK(book.size() == 2);
    CHECK(book.objective == 0);
    CHECK(nearest_labels(x, book)[2] == nearest_labels(x, book)[0]);
    CHECK(train_vector_codebook(std::vector<float>{}, 2, 4).size() == 0);
    // Two far pairs: each needs its own centroid, whatever the start.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const std::vector<float> pairs{0, 0, 0, 1, 100, 0, 100, 1};
        CHECK(train_vector_codebook(pairs, 2, 4, {.seed = seed}).objective == 0);
    }
}

TEST_CASE("vector_codebook: as a scheme") {
    const tensor<float> x = gaussian({64, 32});
    const vector_kmeans scheme{.dimension = 4, .bits = 6};
    thread_pool pool(2);
    const vector_kmeans_tensor q = quantize(x, scheme);
    CHECK(q == quantize(x, scheme, executor(pool)));
    CHECK(q.bytes() == 512 * 6 / 8 + 64 * 16);
    CHECK(bits_per_element(scheme, x.shape()) == Approx(8.0 * double(q.bytes()) / 2048));
    CHECK(sqnr_db(x, dequantize(q)) > 6);
    CHECK(q.codes().size() == 512);
    CHECK(quantize(tensor<float>({0, 8}), scheme).bytes() == 0);
    CHECK_THROWS_AS(quantize(gaussian({4, 6}), scheme), error);
    CHECK_THROWS_AS(quantize(x, vector_kmeans{.bits = 17}), error);
    CHECK_THROWS_AS(train_vector_codebook(x, 3, 4), error);
    CHECK_THROWS_AS(train_vector_codebook(x, 2, 65537), error);
    CHECK_THROWS_AS(train_vector_codebook(std::vector<float>{1, INFINITY}, 2, 1), error);
    CHECK_THROWS_AS(nearest_labels(x, vector_codebook{}), error);
}
