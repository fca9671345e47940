// SPDX-License-Identifier: Apache-2.0
/// @file
/// K-means codebooks of gaussian and Cauchy values, labels included, in M values/s, beside std::sort of the same
/// values; with --all, beside faiss's k-means over all points (25 iterations), and vector codebooks' SQNR beside
/// faiss's.
#include <bench/peers/report.hpp>
#include <bench/support/data.hpp>
#include <lowbit/core/metrics.hpp>
#include <lowbit/core/pools.hpp>
#include <lowbit/schemes/kmeans.hpp>
#include <lowbit/schemes/vector_codebook.hpp>

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using lowbit::tensor;

/// The work that is measured: a codebook, and the label of every value.
void label_all(const tensor<float>& x, std::ptrdiff_t k, bool fast, const lowbit::executor& exec) {
    const lowbit::codebook book = lowbit::kmeans_codebook(x, k, {}, fast, exec);
    benchmark::DoNotOptimize(lowbit::quantize(x, book, exec));
}

tensor<float> cauchy(std::ptrdiff_t n) {
    tensor<float> x({n});
    for (std::ptrdiff_t i = 0; i < n; ++i)
        x[i] =
            static_cast<float>(std::tan(3.141592653589793 * (bench::uniform(3, static_cast<std::uint64_t>(i)) - 0.5)));
    return x;
}

void faiss_kmeans(const float* x, std::ptrdiff_t n, int d, std::ptrdiff_t k, std::vector<float>& centroids) {
    faiss::ClusteringParameters how;
    how.niter = 25;
    how.max_points_per_centroid = static_cast<int>(n);
    faiss::Clustering clustering(d, static_cast<int>(k), how);
    faiss::IndexFlatL2 index(d);
    clustering.train(n, x, index);
    centroids = clustering.centroids;
}

void run(peers::report& report, const peers::options& how) {
    lowbit::thread_pool pool(2);
    struct dataset {
        const char* kind;
        tensor<float> values;
        double exact16, exact256, fast;  ///< shares of std::sort's time that are allowed
    };
    const std::ptrdiff_t million = how.quick ? 100000 : 1000000;
    for (const dataset& data : {dataset{"gaussian", bench::gaussian(10 * million), 0.6, 0.6, 0.06},
                                dataset{"Cauchy", cauchy(10 * million), 3, 3, 3},
                                dataset{"gaussian", bench::gaussian(million), 0.6, 1.1, 1}}) {
        const tensor<float>& x = data.values;
        const std::string size =
            x.size() < 1000000 ? std::to_string(x.size() / 1000) + " K" : std::to_string(x.size() / 1000000) + " M";
        tensor<float> copy = x;
        const auto measured = [&](std::ptrdiff_t k, bool fast) { return [&x, k, fast] { label_all(x, k, fast, {}); }; };
        const std::vector<double> seconds =
            peers::fastest({[&] {
                                copy = x;
                                std::sort(copy.begin(), copy.end());
                            },
                            measured(16, false), measured(256, false), measured(16, true), measured(256, true)},
                           how);
        const auto add = [&](const char* what, double ours, double share, const char* peer, double theirs,
                             int threads) {
            peers::row row;
            row.group = "K-means codebooks and labels";
            row.name = std::string(what) + ", " + data.kind + " " + size;
            row.threads = threads;
            row.ours = 1e-6 * double(x.size()) / ours;
            row.unit = "M values/s";
            row.best_peer = 1e-6 * double(x.size()) / theirs;
            row.peer = peer;
            row.required_ratio = 1 / share;
            report.add(row);
        };
        add("exact, k = 16", seconds[1], data.exact16, "std::sort", seconds[0], 1);
        add("exact, k = 256", seconds[2], data.exact256, "std::sort", seconds[0], 1);
        add("fast, k = 16", seconds[3], data.fast, "std::sort", seconds[0], 1);
        add("fast, k = 256", seconds[4], data.fast, "std::sort", seconds[0], 1);
        for (const std::ptrdiff_t k : {16, 256}) {
            const auto two =
                peers::fastest({[&] { label_all(x, k, false, {}); }, [&] { label_all(x, k, false, pool); }}, how, 2);
            add(k == 16 ? "exact, k = 16, two threads" : "exact, k = 256, two threads", two[1], 1 / 1.7, "one thread",
                two[0], 2);
        }
        if (how.all && x.size() == 10 * million) {
            std::vector<float> centroids;
            const double start = peers::cpu_seconds(true);
            faiss_kmeans(x.data(), x.size(), 1, 16, centroids);
            add("exact, k = 16", seconds[1], 1 / 80.0, "faiss", peers::cpu_seconds(true) - start, 1);
        }
    }
    for (const int d : {2, 4, 8}) {
        const tensor<float> x = bench::gaussian({how.quick ? 4096 : 32768, d}, 5);
        std::vector<float> theirs;
        faiss_kmeans(x.data(), x.shape()[0], d, 256, theirs);
        const lowbit::vector_codebook ours = lowbit::train_vector_codebook(x, d, 256), peer{d, theirs};
        const auto sqnr = [&](const lowbit::vector_codebook& book) {
            tensor<float> decoded(x.shape());
            const auto labels = lowbit::nearest_labels(x, book);
            for (std::size_t v = 0; v < labels.size(); ++v)
                std::copy_n(book.centroids.data() + labels[v] * d, d, decoded.data() + std::ptrdiff_t(v) * d);
            return lowbit::sqnr_db(x, decoded);
        };
        peers::row row;
        row.group = "Vector codebooks after 25 iterations";
        row.name = "256 centroids of " + std::to_string(d) + " values";
        row.ours = sqnr(ours);
        row.unit = "dB";
        row.best_peer = sqnr(peer);
        row.peer = "faiss";
        row.required = *row.best_peer - 0.02;
        report.add(row);
    }
}

const peers::add_comparison added{"kmeans", run};

}  // namespace
