// SPDX-License-Identifier: Apache-2.0
/// @file
/// Vector codebooks, for product-quantized weights: d consecutive values along the last axis are one vector, stored as
/// the label of the nearest of k centroids (Jégou et al. 2011; for weights: Stock et al. 2020, "And the Bit Goes
/// Down").
///
/// K-means in more than one dimension has no cheap optimum: Lloyd's iterations from k-means++ (Arthur and Vassilvitskii
/// 2007). A cluster that loses its last vector takes the one that is worst off.
#pragma once

#include <lowbit/core/executor.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/schemes/packed_codes.hpp>
#include <lowbit/schemes/quantize.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// Centroids of d values each, one after the other.
struct vector_codebook {
    std::ptrdiff_t dimension = 1;
    std::vector<float> centroids{};
    double objective = 0;  ///< Σ |x − nearest|² when the last iteration began; 0 where a caller made the book
    int iterations = 0;

    std::ptrdiff_t size() const { return std::ssize(centroids) / dimension; }
    int bits() const { return std::max(1, static_cast<int>(std::bit_width(static_cast<std::size_t>(size() - 1)))); }

    /// Equal centroids; how they were found does not matter.
    bool operator==(const vector_codebook& other) const {
        return dimension == other.dimension && centroids == other.centroids;
    }
};

/// How a vector codebook is trained.
struct vector_kmeans_options {
    int iterations = 25;     ///< Lloyd's, at most
    std::uint64_t seed = 1;  ///< of k-means++
};

namespace detail {

/// Nearest centroids by |c|² − 2·x·c, which has the same order as the distance.
class nearest_vectors {
public:
    explicit nearest_vectors(const vector_codebook& book)
        : d_(static_cast<std::size_t>(book.dimension)),
          k_(static_cast<std::size_t>(book.size())),
          columns_(d_ * k_),
          norms_(k_) {
        for (std::size_t c = 0; c < k_; ++c) {
            for (std::size_t i = 0; i < d_; ++i) {
                const float v = book.centroids[c * d_ + i];
                columns_[i * k_ + c] = -2 * v;
                norms_[c] = std::fma(v, v, norms_[c]);
            }
        }
    }

    struct match {
        std::size_t label;
        float distance;  ///< squared
    };

    /// scores: room for 512 floats.
    match find(const float* x, float* scores) const {
        float norm = 0;
        for (std::size_t i = 0; i < d_; ++i) norm = std::fma(x[i], x[i], norm);
        match best{0, std::numeric_limits<float>::infinity()};
        for (std::size_t first = 0; first < k_; first += block) {
            const std::size_t count = std::min(block, k_ - first);
            std::copy_n(norms_.data() + first, count, scores);
            for (std::size_t i = 0; i < d_; ++i) {
                const float* column = columns_.data() + i * k_ + first;
                for (std::size_t c = 0; c < count; ++c) scores[c] += column[c] * x[i];
            }
            float least = scores[0];
            for (std::size_t c = 1; c < count; ++c) least = scores[c] < least ? scores[c] : least;
            if (least >= best.distance) continue;
            best = {first + static_cast<std::size_t>(std::find(scores, scores + count, least) - scores), least};
        }
        return {best.label, std::max(0.0f, best.distance + norm)};
    }

    static constexpr std::size_t block = 512;

private:
    std::size_t d_, k_;
    std::vector<float> columns_;  // −2·centroids, by component
    std::vector<float> norms_;
};

/// Vectors that one task compares.
inline constexpr std::ptrdiff_t vector_tile = 256;

/// Calls f(vector, label, squared distance) for all vectors, tiles at once.
template <class Function>
void for_each_nearest(std::span<const float> x, const vector_codebook& book, const executor& exec, Function f) {
    const nearest_vectors nearest(book);
    const std::ptrdiff_t n = std::ssize(x) / book.dimension;
    exec.parallel_for(ceil_div(n, vector_tile), [&](std::ptrdiff_t tile) {
        std::array<float, nearest_vectors::block> scores;
        for (std::ptrdiff_t v = tile * vector_tile; v < std::min(n, (tile + 1) * vector_tile); ++v) {
            const auto [label, distance] = nearest.find(x.data() + v * book.dimension, scores.data());
            f(v, label, distance);
        }
    });
}

inline double squared_distance(const float* a, const float* b, std::ptrdiff_t d) {
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        const double difference = double(a[i]) - double(b[i]);
        sum = std::fma(difference, difference, sum);
    }
    return sum;
}

/// k-means++: each next centroid is a vector drawn with a chance that grows with its squared distance from the nearest
/// so far.
inline void seed_centroids(std::span<const float> x, std::ptrdiff_t k, std::uint64_t seed, const executor& exec,
                           vector_codebook& book) {
    const std::ptrdiff_t d = book.dimension, n = std::ssize(x) / d;
    std::vector<double> distance(static_cast<std::size_t>(n), std::numeric_limits<double>::infinity());
    std::uint64_t state = seed;
    const auto uniform = [&] {  // splitmix64 (Steele et al. 2014)
        std::uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        return double((z ^ z >> 31) >> 11) * 0x1p-53;
    };
    auto chosen = static_cast<std::ptrdiff_t>(uniform() * double(n));
    for (std::ptrdiff_t c = 0; c < k; ++c) {
        const float* centroid = x.data() + chosen * d;
        book.centroids.insert(book.centroids.end(), centroid, centroid + d);
        const std::ptrdiff_t tile = 4096;
        std::vector<double> totals(static_cast<std::size_t>(ceil_div(n, tile)));
        exec.parallel_for(ceil_div(n, tile), [&](std::ptrdiff_t t) {
            double total = 0;
            for (std::ptrdiff_t v = t * tile; v < std::min(n, (t + 1) * tile); ++v) {
                double& nearest = distance[static_cast<std::size_t>(v)];
                nearest = std::min(nearest, squared_distance(x.data() + v * d, centroid, d));
                total += nearest;
            }
            totals[static_cast<std::size_t>(t)] = total;
        });
        double left = 0;
        for (const double total : totals) left += total;
        if (left == 0) return;  // every vector is a centroid
        left *= uniform();
        std::ptrdiff_t t = 0;
        while (t + 1 < std::ssize(totals) && left >= totals[static_cast<std::size_t>(t)])
            left -= totals[static_cast<std::size_t>(t++)];
        chosen = -1;
        for (std::ptrdiff_t v = t * tile; v < std::min(n, (t + 1) * tile); ++v) {
            const double nearest = distance[static_cast<std::size_t>(v)];
            if (nearest == 0) continue;
            chosen = v;
            if ((left -= nearest) < 0) break;
        }
        if (chosen < 0)  // rounding: the farthest vector will do
            chosen = std::max_element(distance.begin(), distance.end()) - distance.begin();
    }
}

}  // namespace detail

/// At most k centroids of `dimension` values for the vectors in x, d consecutive values each (a tensor or view,
/// std::vector, std::span or Eigen object); fewer where there are fewer distinct vectors. The same on any executor.
/// Complexity O(n·k·d) an iteration and for the start. Errors: dimension below 1 or not dividing the number of values;
/// k outside 1 … 65536; values that are not finite.
template <class X>
vector_codebook train_vector_codebook(const X& x, std::ptrdiff_t dimension, std::ptrdiff_t k,
                                      const vector_kmeans_options& options = {}, const executor& exec = {}) {
    const row_values<float> read = read_float(x);
    const std::span<const float> values = read.view().span();
    check(dimension >= 1 && std::ssize(values) % dimension == 0, "vector codebook: ", values.size(),
          " values are no vectors of ", dimension);
    check(k >= 1 && k <= 65536, "vector codebook: ", k, " centroids; 1 to 65536 are supported");
    for (std::size_t i = 0; i < values.size(); ++i)
        check(is_finite(values[i]), "vector codebook: value ", values[i], " at index ", i, " is not finite");
    vector_codebook book{.dimension = dimension};
    if (values.empty()) return book;
    detail::seed_centroids(values, k, options.seed, exec, book);

    const std::ptrdiff_t n = std::ssize(values) / dimension;
    std::vector<std::uint32_t> labels(static_cast<std::size_t>(n));
    std::vector<float> distances(labels.size());
    double before = std::numeric_limits<double>::infinity();
    for (; book.iterations < options.iterations; ++book.iterations) {
        detail::for_each_nearest(values, book, exec, [&](std::ptrdiff_t v, std::size_t label, float distance) {
            labels[static_cast<std::size_t>(v)] = static_cast<std::uint32_t>(label);
            distances[static_cast<std::size_t>(v)] = distance;
        });
        book.objective = 0;
        for (const float distance : distances) book.objective += double(distance);
        std::vector<double> sums(book.centroids.size());
        std::vector<std::ptrdiff_t> counts(static_cast<std::size_t>(book.size()));
        for (std::size_t v = 0; v < labels.size(); ++v) {
            ++counts[labels[v]];
            for (std::ptrdiff_t i = 0; i < dimension; ++i)
                sums[labels[v] * static_cast<std::size_t>(dimension) + static_cast<std::size_t>(i)] +=
                    double(values[v * static_cast<std::size_t>(dimension) + static_cast<std::size_t>(i)]);
        }
        bool repaired = false;
        for (std::size_t c = 0; c < counts.size(); ++c) {
            float* centroid = book.centroids.data() + c * static_cast<std::size_t>(dimension);
            if (counts[c] > 0) {
                for (std::ptrdiff_t i = 0; i < dimension; ++i)
                    centroid[i] =
                        static_cast<float>(sums[c * static_cast<std::size_t>(dimension) + static_cast<std::size_t>(i)] /
                                           double(counts[c]));
                continue;
            }
            const auto worst = std::max_element(distances.begin(), distances.end()) - distances.begin();
            if (distances[static_cast<std::size_t>(worst)] == 0) continue;
            std::copy_n(values.data() + worst * dimension, dimension, centroid);
            distances[static_cast<std::size_t>(worst)] = 0;
            repaired = true;
        }
        if (!repaired && book.objective >= before) break;  // nothing moves any more
        before = book.objective;
    }
    return book;
}

/// The label of the centroid nearest to each vector; of two as near, the first. Errors: a book of another dimension, an
/// empty one.
template <class X>
std::vector<std::uint16_t> nearest_labels(const X& x, const vector_codebook& book, const executor& exec = {}) {
    const row_values<float> values = read_float(x);
    check(book.dimension >= 1 && book.size() >= 1 && book.size() <= 65536 && values.size() % book.dimension == 0,
          "vector codebook: ", book.size(), " centroids of dimension ", book.dimension, " for ", values.size(),
          " values");
    std::vector<std::uint16_t> labels(static_cast<std::size_t>(values.size() / book.dimension));
    detail::for_each_nearest(values.view().span(), book, exec, [&](std::ptrdiff_t v, std::size_t label, float) {
        labels[static_cast<std::size_t>(v)] = static_cast<std::uint16_t>(label);
    });
    return labels;
}

/// The scheme "vkmeansN": vectors of `dimension` values along the last axis, labels of N bits.
struct vector_kmeans {
    std::ptrdiff_t dimension = 4;
    int bits = 8;  ///< 1 … 16
    int iterations = 25;
    std::uint64_t seed = 1;

    bool operator==(const vector_kmeans&) const = default;
};

/// What `quantize(x, vector_kmeans{…})` returns.
class vector_kmeans_tensor : public sized_by_scheme<vector_kmeans_tensor> {
public:
    vector_kmeans_tensor() = default;
    /// Errors: parts that do not fit together.
    vector_kmeans_tensor(const vector_kmeans& scheme, const tensor_shape& shape, packed_codes codes,
                         vector_codebook book)
        : scheme_(scheme), shape_(shape), codes_(std::move(codes)), book_(std::move(book)) {
        check(codes_.size() * scheme_.dimension == shape_.size() && book_.dimension == scheme_.dimension &&
                  book_.size() <= std::ptrdiff_t{1} << scheme_.bits,
              "vector_kmeans: ", codes_.size(), " labels and ", book_.size(), " centroids for ", to_string(shape_));
    }

    const vector_kmeans& scheme() const { return scheme_; }
    const tensor_shape& shape() const { return shape_; }
    /// One label a vector.
    tensor<std::int32_t> codes() const { return codes_.unpack({codes_.size()}); }
    const packed_codes& packed() const { return codes_; }
    const vector_codebook& book() const { return book_; }

    bool operator==(const vector_kmeans_tensor&) const = default;

private:
    vector_kmeans scheme_;
    tensor_shape shape_{0};
    packed_codes codes_;
    vector_codebook book_{.dimension = 4};
};

/// Errors: bits outside 1 … 16, a dimension or iterations below 1.
inline void check_scheme(const vector_kmeans& s) {
    check(s.bits >= 1 && s.bits <= 16, "vector_kmeans: ", s.bits, " bits; 1 to 16 are supported");
    check(s.dimension >= 1 && s.iterations >= 1, "vector_kmeans: ", s.iterations, " iterations on vectors of ",
          s.dimension);
}

namespace detail {

/// Vectors along the last axis. Errors: a last axis that the dimension does not divide.
inline std::ptrdiff_t vector_count(const vector_kmeans& s, const tensor_shape& shape) {
    const std::ptrdiff_t last = shape.rank() == 0 ? 1 : shape[shape.rank() - 1];
    check(last % s.dimension == 0, "vector_kmeans: the last axis has ", last, " values, which are no vectors of ",
          s.dimension);
    return shape.size() / s.dimension;
}

}  // namespace detail

/// Labels, and 2^bits centroids of float32 (or as many as there are vectors).
inline std::ptrdiff_t bytes(const vector_kmeans& s, const tensor_shape& shape) {
    check_scheme(s);
    const std::ptrdiff_t vectors = shape.size() / s.dimension;
    return packed_bytes(vectors, s.bits) + 4 * s.dimension * std::min(vectors, std::ptrdiff_t{1} << s.bits);
}

/// Errors: bits outside 1 … 16; a last axis that the dimension does not divide; importance, which is not supported;
/// values that are not finite.
inline vector_kmeans_tensor encode(tensor_view<const float> x, const vector_kmeans& s,
                                   std::span<const float> importance, const executor& exec) {
    check_scheme(s);
    check(importance.empty(), "vector_kmeans: importance is not supported");
    const std::ptrdiff_t vectors = detail::vector_count(s, x.shape());
    vector_codebook book =
        train_vector_codebook(x, s.dimension, std::ptrdiff_t{1} << s.bits, {s.iterations, s.seed}, exec);
    packed_codes codes(vectors, s.bits, false);
    if (x.size() > 0) {
        const std::vector<std::uint16_t> labels = nearest_labels(x, book, exec);
        codes.pack(0, codes.size(), labels.data());
    }
    return {s, x.shape(), std::move(codes), std::move(book)};
}

inline void decode(const vector_kmeans_tensor& q, tensor_view<float> out, const executor&) {
    const std::ptrdiff_t d = q.scheme().dimension;
    for (std::ptrdiff_t v = 0; v < q.packed().size(); ++v)
        std::copy_n(q.book().centroids.data() + q.packed()[v] * d, d, out.data() + v * d);
}

/// Reads "vkmeansN" and its suffixes, `:d=D` (4), `:iterations=I` (25), `:seed=S` (1). False where the name is
/// another's.
inline bool parse(scheme_text& text, vector_kmeans& s) {
    const std::optional<int> bits = text.numbered("vkmeans", 1, 16);
    if (!bits) return false;
    s = {.bits = *bits};
    if (const auto d = text.take_integer("d")) s.dimension = *d;
    if (const auto iterations = text.take_integer("iterations")) s.iterations = *iterations;
    if (const std::optional<std::string_view> seed = text.take_value("seed")) {
        const auto [end, status] = std::from_chars(seed->data(), seed->data() + seed->size(), s.seed);
        check(status == std::errc{} && end == seed->data() + seed->size(), "scheme: \":seed=", *seed,
              "\" is not an integer of 64 bits");
    }
    check_scheme(s);
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const vector_kmeans& s) {
    const vector_kmeans standard;
    std::string text = detail::concat("vkmeans", s.bits);
    if (s.dimension != standard.dimension) text += detail::concat(":d=", s.dimension);
    if (s.iterations != standard.iterations) text += detail::concat(":iterations=", s.iterations);
    if (s.seed != standard.seed) text += detail::concat(":seed=", s.seed);
    return text;
}

}  // namespace lowbit
