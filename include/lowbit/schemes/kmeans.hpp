// SPDX-License-Identifier: Apache-2.0
/// @file
/// K-means quantization: each value is stored as the label of its nearest centroid (Han et al. 2016, "Deep
/// Compression", section 3). The centroids minimise Σ w·(x − centroid)²: the global optimum (kmeans_exact.hpp), not
/// where Lloyd's iterations end.
#pragma once

#include <lowbit/schemes/codebook.hpp>
#include <lowbit/schemes/granularity.hpp>
#include <lowbit/schemes/kmeans_exact.hpp>
#include <lowbit/schemes/kmeans_fast.hpp>
#include <lowbit/schemes/packed_codes.hpp>
#include <lowbit/schemes/quantize.hpp>
#include <lowbit/schemes/scheme_text.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// The scheme "kmeansN": N-bit labels and a codebook of 2^N centroids for each set of values.
struct kmeans {
    int bits = 4;  ///< 1 … 16
    lowbit::granularity granularity = per_tensor();
    bool fast = false;  ///< within 0.01 dB of the optimum, in less time where there are 32,768 values or more

    bool operator==(const kmeans&) const = default;
};

/// The codebook of at most k centroids that minimises Σ importance·(x − nearest centroid)² over x (a tensor or view,
/// std::vector, std::span or Eigen object of floats). The global optimum; with `fast` within 0.01 dB of it. Fewer
/// centroids where x has fewer distinct values (of positive importance); importance empty or all 0 weighs all values
/// alike. The result does not depend on the executor. Complexity: O(n) and a shortest path over what may be cut.
/// Errors: k outside 1 … 65536, values that are not finite, importance negative, not finite or of another size.
template <class X>
codebook kmeans_codebook(const X& x, std::ptrdiff_t k, std::type_identity_t<std::span<const float>> importance = {},
                         bool fast = false, const executor& exec = {}) {
    const row_values<float> values = read_float(x);
    const std::span<const float> all = values.view().span();
    const detail::kmeans_solution found =
        fast ? detail::fast_kmeans(all, importance, k, exec) : detail::exact_kmeans(all, importance, k, exec);
    codebook book{{found.means.begin(), found.means.end()}, found.objective, found.iterations};
    book.centroids.erase(std::unique(book.centroids.begin(), book.centroids.end()), book.centroids.end());
    return book;
}

/// What `quantize(x, kmeans{…})` returns: packed labels and one codebook for each set of values.
class kmeans_tensor {
public:
    kmeans_tensor() = default;
    /// Takes parts made elsewhere (a file, training). Errors: parts that do not fit together.
    kmeans_tensor(const kmeans& scheme, const tensor_shape& shape, packed_codes codes, std::vector<codebook> codebooks);

    const kmeans& scheme() const { return scheme_; }
    const tensor_shape& shape() const { return shape_; }
    /// The labels, one integer each, under the tensor's shape.
    tensor<std::int32_t> codes() const { return codes_.unpack(shape_); }
    const packed_codes& packed() const { return codes_; }
    /// One for each set of `partition(shape(), scheme().granularity)`, in its order.
    std::span<const codebook> codebooks() const { return codebooks_; }

    /// Bytes of labels and codebooks as stored: each codebook takes `codebook_entries` float32.
    std::ptrdiff_t bytes() const {
        std::ptrdiff_t total = packed_bytes(shape_.size(), scheme_.bits);
        for (std::size_t i = 0; i < codebooks_.size(); ++i)
            total += 4 * codebook_entries(static_cast<std::ptrdiff_t>(i));
        return total;
    }
    double bits_per_element() const {
        return shape_.size() == 0 ? 0.0 : 8.0 * static_cast<double>(bytes()) / static_cast<double>(shape_.size());
    }
    /// Entries that a codebook is stored with: 2^bits, or the values in its set where they are fewer; a caller's
    /// codebook may be larger than that, and is stored whole.
    std::ptrdiff_t codebook_entries(std::ptrdiff_t set) const;

    bool operator==(const kmeans_tensor&) const = default;

private:
    kmeans scheme_;
    tensor_shape shape_{0};
    packed_codes codes_;
    std::vector<codebook> codebooks_;
};

/// Errors: bits outside 1 … 16.
inline void check_scheme(const kmeans& s) {
    check(s.bits >= 1 && s.bits <= 16, "kmeans: ", s.bits, " bits; 1 to 16 are supported");
}

namespace detail {

/// Values that one task labels: a multiple of 8, so that packed labels of tasks do not share a byte.
inline constexpr std::ptrdiff_t label_tile = 4096;

inline std::ptrdiff_t default_entries(const kmeans& s, std::ptrdiff_t values) {
    return std::min(std::ptrdiff_t{1} << s.bits, values);
}

/// Packed labels of the nearest centroids, one codebook per set. Errors: NaN.
inline packed_codes nearest_labels(tensor_view<const float> x, const kmeans& s, std::span<const codebook> books,
                                   const executor& exec) {
    const partition sets(x.shape(), s.granularity);
    std::vector<nearest_centroid> nearest;
    for (std::ptrdiff_t i = 0; x.size() > 0 && i < sets.count(); ++i)
        nearest.emplace_back(books[static_cast<std::size_t>(i)].centroids, sets[i].size());
    packed_codes codes(x.size(), s.bits, false);
    std::atomic<bool> any_nan{false};
    const auto label_tiles = [&]<class Label>(Label) {
        exec.parallel_for(ceil_div(x.size(), label_tile), [&](std::ptrdiff_t t) {
            const std::ptrdiff_t first = t * label_tile, last = std::min(first + label_tile, x.size());
            std::array<Label, label_tile> labels;
            sets.for_each_run(first, last, [&](std::ptrdiff_t set, std::ptrdiff_t at, std::ptrdiff_t count) {
                nearest[static_cast<std::size_t>(set)].label_all(x.data() + at, count, labels.data() + (at - first));
            });
            codes.pack(first, last - first, labels.data());
            if (find_nan(x.data() + first, last - first) != last - first) any_nan = true;
        });
    };
    s.bits <= 8 ? label_tiles(std::uint8_t{}) : label_tiles(std::uint16_t{});
    if (any_nan) check_input(x, s, {}, nan_policy::reject);
    return codes;
}

}  // namespace detail

/// x stored with its best codebooks; importance weighs the squared errors. Errors: values that are not finite.
inline kmeans_tensor encode(tensor_view<const float> x, const kmeans& s, std::span<const float> importance,
                            const executor& exec) {
    check_scheme(s);
    const std::ptrdiff_t k = std::ptrdiff_t{1} << s.bits;
    const partition sets(x.shape(), s.granularity);
    std::vector<codebook> books(static_cast<std::size_t>(sets.count()));
    if (sets.count() == 1 && sets[0].size() == x.size()) {
        books[0] = kmeans_codebook(x, k, importance, s.fast, exec);
    } else {
        detail::check_kmeans_input(x.span(), importance, k);
        detail::check_finite(x.span());
        exec.parallel_for(sets.count(), [&](std::ptrdiff_t i) {
            std::vector<float> values, weights;
            sets[i].for_each([&](std::ptrdiff_t at) {
                values.push_back(x[at]);
                if (!importance.empty()) weights.push_back(importance[static_cast<std::size_t>(at)]);
            });
            books[static_cast<std::size_t>(i)] = kmeans_codebook(values, k, weights, s.fast);
        });
    }
    packed_codes codes = detail::nearest_labels(x, s, books, exec);
    return {s, x.shape(), std::move(codes), std::move(books)};
}

namespace detail {

/// n values from index `begin` (a multiple of 8) on.
inline void decode_values(const kmeans_tensor& q, std::ptrdiff_t begin, std::ptrdiff_t n, float* out,
                          const executor& exec) {
    const partition sets(q.shape(), q.scheme().granularity);
    exec.parallel_for(ceil_div(n, label_tile), [&](std::ptrdiff_t t) {
        const std::ptrdiff_t first = begin + t * label_tile, last = std::min(first + label_tile, begin + n);
        std::array<std::int32_t, label_tile> labels;
        q.packed().unpack(first, last - first, labels.data());
        sets.for_each_run(first, last, [&](std::ptrdiff_t set, std::ptrdiff_t at, std::ptrdiff_t count) {
            const float* centroids = q.codebooks()[static_cast<std::size_t>(set)].centroids.data();
            for (std::ptrdiff_t i = at; i < at + count; ++i) {
                out[i - begin] = centroids[labels[static_cast<std::size_t>(i - first)]];
            }
        });
    });
}

}  // namespace detail

inline void decode(const kmeans_tensor& q, tensor_view<float> out, const executor& exec) {
    detail::decode_values(q, 0, out.size(), out.data(), exec);
}

/// Rows [first, first + rows) of axis 0; first a multiple of 8.
inline void decode_rows(const kmeans_tensor& q, std::ptrdiff_t first, std::ptrdiff_t rows, float* out) {
    const std::ptrdiff_t row = q.shape().size_between(1, q.shape().rank());
    detail::decode_values(q, first * row, rows * row, out, {});
}

/// Labels, and for each set of values 2^bits centroids of float32 (or as many as it has values).
inline std::ptrdiff_t bytes(const kmeans& s, const tensor_shape& shape) {
    check_scheme(s);
    const partition sets(shape, s.granularity);
    std::ptrdiff_t entries = 0;
    if (sets.count() > 0) {
        // All sets are as large as the first; but where the last is shorter, so is the last of each line.
        const std::ptrdiff_t first = sets[0].size(), last = sets[sets.count() - 1].size();
        const std::ptrdiff_t shorter = first == last ? 0 : shape.size() / shape[shape.checked_axis(s.granularity.axis)];
        entries =
            (sets.count() - shorter) * detail::default_entries(s, first) + shorter * detail::default_entries(s, last);
    }
    return packed_bytes(shape.size(), s.bits) + 4 * entries;
}

inline kmeans_tensor::kmeans_tensor(const kmeans& scheme, const tensor_shape& shape, packed_codes codes,
                                    std::vector<codebook> codebooks)
    : scheme_(scheme), shape_(shape), codes_(std::move(codes)), codebooks_(std::move(codebooks)) {
    check_scheme(scheme_);
    const std::ptrdiff_t sets = partition(shape_, scheme_.granularity).count();
    check(std::ssize(codebooks_) == sets, "kmeans_tensor: ", codebooks_.size(), " codebooks for ", sets,
          " sets of values");
    check(codes_.size() == shape_.size() && codes_.bits() == scheme_.bits && !codes_.is_signed(),
          "kmeans_tensor: ", codes_.size(), " labels of ", codes_.bits(), " bits for ", to_string(shape_), " at ",
          scheme_.bits, " bits");
    if (shape_.size() == 0) return;
    for (std::size_t i = 0; i < codebooks_.size(); ++i) {
        detail::check_codebook(codebooks_[i].centroids);
        check(codebooks_[i].size() <= std::ptrdiff_t{1} << scheme_.bits, "kmeans_tensor: codebook ", i, " has ",
              codebooks_[i].size(), " centroids for labels of ", scheme_.bits, " bits");
    }
}

inline std::ptrdiff_t kmeans_tensor::codebook_entries(std::ptrdiff_t set) const {
    const std::ptrdiff_t values = partition(shape_, scheme_.granularity)[set].size();
    return std::max(detail::default_entries(scheme_, values), codebooks_[static_cast<std::size_t>(set)].size());
}

/// The label of the centroid nearest to each value of x; of two as near, the lower one. Errors: NaN; a codebook that
/// is empty, larger than 65,536, or not finite.
template <class X>
tensor<std::int32_t> nearest_labels(const X& x, const codebook& book, const executor& exec = {}) {
    const row_values<float> values = read_float(x);
    detail::check_codebook(book.centroids);
    const kmeans as{.bits = book.bits()};
    return detail::nearest_labels(values.view(), as, {&book, 1}, exec).unpack(values.shape());
}

/// x stored with a given codebook, which is used and decoded as it is. Labels take `book.bits()` bits.
/// Errors: as nearest_labels.
template <class X>
kmeans_tensor quantize(const X& x, const codebook& book, const executor& exec = {}) {
    const row_values<float> values = read_float(x);
    detail::check_codebook(book.centroids);
    const kmeans as{.bits = book.bits()};
    return {as, values.shape(), detail::nearest_labels(values.view(), as, {&book, 1}, exec), {book}};
}

/// Reads "kmeansN" and its suffixes. False where the name is another's.
inline bool parse(scheme_text& text, kmeans& s) {
    const std::optional<int> bits = text.numbered("kmeans", 1, 16);
    if (!bits) return false;
    s = {.bits = *bits, .granularity = text.take_granularity()};
    s.fast = text.take_flag("fast");
    check(!text.take_flag("exact") || !s.fast, "scheme: \":exact\" and \":fast\" exclude each other");
    return true;
}

/// The string that `parse_scheme` reads back as the same scheme.
inline std::string to_string(const kmeans& s) {
    return detail::concat("kmeans", s.bits, granularity_suffix(s.granularity), s.fast ? ":fast" : "");
}

}  // namespace lowbit
