// SPDX-License-Identifier: Apache-2.0
/// @file
/// Every quantized tensor of the library as two runs of bytes, codes and parameters, and back. Together they are as
/// long as `bytes()` says. Numbers are little-endian; codes are packed as they are in memory.
///
/// Each type describes its parameters once, in `transfer`: a writer and a reader walk through the same description.
#pragma once

#include <lowbit/schemes/any.hpp>
#include <lowbit/storage/bytes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowbit {

/// A quantized tensor as bytes.
struct tensor_parts {
    std::vector<std::byte> codes, parameters;
    int code_bits = 8;              ///< width of the integers that `codes` packs,
    std::ptrdiff_t code_count = 0;  ///< and how many there are
};

namespace detail {

/// Appends numbers to bytes.
class part_writer {
public:
    template <class T>
    void number(const T& value) {
        bytes_.resize(bytes_.size() + sizeof(T));
        store_bytes(value, bytes_.data() + bytes_.size() - sizeof(T));
    }
    void packed(const packed_codes& codes) {
        const auto from = std::as_bytes(codes.bytes());
        bytes_.insert(bytes_.end(), from.begin(), from.end());
    }

    static constexpr bool writes = true;
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

/// Takes the same numbers from bytes.
class part_reader {
public:
    explicit part_reader(std::span<const std::byte> bytes) : in_(bytes, "parameters") {}

    template <class T>
    void number(T& value) {
        value = in_.number<T>("a number");
    }
    void packed(packed_codes& codes) {
        const auto from = in_.take(codes.bytes().size(), "packed integers");
        std::transform(from.begin(), from.end(), codes.bytes().begin(), [](std::byte b) { return std::uint8_t(b); });
    }
    std::size_t remaining() const { return in_.remaining(); }
    void finish() const { in_.require(in_.remaining() == 0, in_.remaining(), " bytes too many"); }

    static constexpr bool writes = false;

private:
    byte_reader in_;
};

/// A value that is a scale of the given type in the file and a float in memory.
template <class Io>
void transfer_scale(Io& io, float& scale, scale_type type) {
    if (type == scale_type::f32) return io.number(scale);
    const auto as = [&]<class Half>(Half half) {
        std::uint16_t bits = Io::writes ? Half(scale).to_bits() : std::uint16_t{0};
        io.number(bits);
        if constexpr (!Io::writes) scale = static_cast<float>(Half::from_bits(bits));
        (void)half;
    };
    type == scale_type::f16 ? as(float16()) : as(bfloat16());
}

template <class Io, class T>
void transfer_all(Io& io, std::vector<T>& values) {
    for (T& value : values) io.number(value);
}

// transfer(io, scheme, shape, parameters): parameters have the sizes that scheme and shape say (make_parameters).

inline std::vector<affine_params> make_parameters(const affine& s, const tensor_shape& shape, std::size_t) {
    return std::vector<affine_params>(static_cast<std::size_t>(partition(shape, s.granularity).count()));
}
template <class Io>
void transfer(Io& io, const affine& s, const tensor_shape&, std::vector<affine_params>& params) {
    for (affine_params& p : params) transfer_scale(io, p.scale, s.scale_type);
    if (s.symmetric) return;
    packed_codes zeros(std::ssize(params), s.bits, s.is_signed);
    std::vector<std::int32_t> points;
    points.reserve(params.size());
    for (const affine_params& p : params) points.push_back(p.zero_point);
    zeros.pack(0, zeros.size(), points.data());
    io.packed(zeros);
    for (std::size_t i = 0; i < params.size(); ++i) params[i].zero_point = zeros[static_cast<std::ptrdiff_t>(i)];
}

/// Codebooks are stored in as many entries as their set may have, the unused ones as NaN.
inline std::vector<std::vector<float>> make_parameters(const kmeans& s, const tensor_shape& shape, std::size_t bytes) {
    const partition sets(shape, s.granularity);
    std::vector<std::vector<float>> books(static_cast<std::size_t>(sets.count()));
    // Only a caller's single codebook may be larger than its set.
    if (books.size() == 1) {
        books[0].resize(bytes / sizeof(float));
        return books;
    }
    for (std::ptrdiff_t i = 0; i < sets.count(); ++i)
        books[static_cast<std::size_t>(i)].resize(static_cast<std::size_t>(default_entries(s, sets[i].size())));
    return books;
}
template <class Io>
void transfer(Io& io, const kmeans&, const tensor_shape&, std::vector<std::vector<float>>& books) {
    for (std::vector<float>& book : books) transfer_all(io, book);
}

/// A codebook of vectors, the same way: NaN where an entry is not used.
inline std::vector<float> make_parameters(const vector_kmeans& s, const tensor_shape& shape, std::size_t) {
    const std::ptrdiff_t entries = std::min(shape.size() / s.dimension, std::ptrdiff_t{1} << s.bits);
    return std::vector<float>(static_cast<std::size_t>(entries * s.dimension));
}
template <class Io>
void transfer(Io& io, const vector_kmeans&, const tensor_shape&, std::vector<float>& centroids) {
    transfer_all(io, centroids);
}

inline vsq_scales make_parameters(const vsq& s, const tensor_shape& shape, std::size_t) {
    return {packed_codes(block_lines(shape, -1, s.vector).count(), s.scale_bits, false),
            std::vector<float>(static_cast<std::size_t>(gamma_count(s, shape)))};
}
template <class Io>
void transfer(Io& io, const vsq&, const tensor_shape&, vsq_scales& scales) {
    io.packed(scales.vectors);
    transfer_all(io, scales.gamma);
}

template <int M>
microexponent_scales make_parameters(const microexponent<M>& s, const tensor_shape& shape, std::size_t) {
    return {std::vector<std::uint8_t>(static_cast<std::size_t>(block_lines(shape, -1, s.block).count())),
            packed_codes(pair_count(s, shape), 1, false)};
}
template <class Io, int M>
void transfer(Io& io, const microexponent<M>&, const tensor_shape&, microexponent_scales& scales) {
    transfer_all(io, scales.exponents);
    io.packed(scales.shifts);
}

inline std::vector<e8m0> make_parameters(const ocp_mx& s, const tensor_shape& shape, std::size_t) {
    return std::vector<e8m0>(static_cast<std::size_t>(block_lines(shape, s.axis, mx_format::block).count()));
}
template <class Io>
void transfer(Io& io, const ocp_mx&, const tensor_shape&, std::vector<e8m0>& scales) {
    transfer_all(io, scales);
}

inline nvfp4_scales make_parameters(const nvfp4& s, const tensor_shape& shape, std::size_t) {
    nvfp4_scales scales;
    scales.blocks.resize(static_cast<std::size_t>(block_lines(shape, -1, s.block).count()));
    return scales;
}
template <class Io>
void transfer(Io& io, const nvfp4&, const tensor_shape&, nvfp4_scales& scales) {
    transfer_all(io, scales.blocks);
    io.number(scales.tensor);
}

inline fixed_codebook_scales make_parameters(const fixed_codebook& s, const tensor_shape& shape, std::size_t) {
    const auto blocks = static_cast<std::size_t>(block_lines(shape, -1, s.block).count());
    fixed_codebook_scales scales;
    if (s.double_quantized) {
        scales.codes.resize(blocks);
        scales.steps.resize(ceil_div(blocks, static_cast<std::size_t>(scale_group)));
    } else {
        scales.plain.resize(blocks);
    }
    return scales;
}
template <class Io>
void transfer(Io& io, const fixed_codebook& s, const tensor_shape&, fixed_codebook_scales& scales) {
    for (float& scale : scales.plain) transfer_scale(io, scale, s.scale_type);
    if (!s.double_quantized) return;
    transfer_all(io, scales.codes);
    transfer_all(io, scales.steps);
    io.number(scales.mean);
}

// What a tensor holds of these parameters, and a tensor from them.

inline std::vector<affine_params> parameters_of(const affine_tensor& q) {
    return {q.params().begin(), q.params().end()};
}
template <class Scheme, class Scales>
Scales parameters_of(const block_tensor<Scheme, Scales>& q) {
    return q.scales();
}
inline std::vector<std::vector<float>> parameters_of(const kmeans_tensor& q) {
    std::vector<std::vector<float>> books;
    for (const codebook& book : q.codebooks()) {
        books.push_back(book.centroids);
        books.back().resize(static_cast<std::size_t>(q.codebook_entries(std::ssize(books) - 1)),
                            std::numeric_limits<float>::quiet_NaN());
    }
    return books;
}

inline std::vector<float> parameters_of(const vector_kmeans_tensor& q) {
    std::vector<float> centroids = make_parameters(q.scheme(), q.shape(), 0);
    check(q.book().centroids.size() <= centroids.size(), "vector_kmeans: ", q.book().size(),
          " centroids are more than there are vectors");
    std::fill(centroids.begin(), centroids.end(), std::numeric_limits<float>::quiet_NaN());
    std::copy(q.book().centroids.begin(), q.book().centroids.end(), centroids.begin());
    return centroids;
}

template <class Scheme, class Parameters>
auto assemble(const Scheme& s, const tensor_shape& shape, packed_codes codes, Parameters parameters) {
    using tensor_type = all_schemes::encoded<Scheme>;
    return tensor_type(s, shape, std::move(codes), std::move(parameters));
}
inline kmeans_tensor assemble(const kmeans& s, const tensor_shape& shape, packed_codes codes,
                              const std::vector<std::vector<float>>& entries) {
    std::vector<codebook> books;
    for (const std::vector<float>& stored : entries) {
        const auto end = std::find_if(stored.begin(), stored.end(), [](float x) { return is_nan(x); });
        books.push_back({{stored.begin(), end}});
    }
    kmeans_tensor q(s, shape, std::move(codes), std::move(books));
    for (std::ptrdiff_t i = 0; i < std::ssize(entries); ++i) {
        check(q.codebook_entries(i) == std::ssize(entries[static_cast<std::size_t>(i)]), "kmeans: codebook ", i,
              " has ", entries[static_cast<std::size_t>(i)].size(), " entries, not ", q.codebook_entries(i));
    }
    // A label past its codebook would be read as one.
    const partition sets(shape, s.granularity);
    for (std::ptrdiff_t i = 0; shape.size() > 0 && i < sets.count(); ++i) {
        const std::ptrdiff_t centroids = q.codebooks()[static_cast<std::size_t>(i)].size();
        if (centroids == std::ptrdiff_t{1} << s.bits) continue;
        sets[i].for_each([&](std::ptrdiff_t at) {
            check(q.packed()[at] < centroids, "kmeans: label ", q.packed()[at], " at index ", at, " of a codebook of ",
                  centroids, " centroids");
        });
    }
    return q;
}

inline vector_kmeans_tensor assemble(const vector_kmeans& s, const tensor_shape& shape, packed_codes codes,
                                     std::vector<float> centroids) {
    const auto end = std::find_if(centroids.begin(), centroids.end(), [](float x) { return is_nan(x); });
    centroids.erase(end, centroids.end());
    check(std::ssize(centroids) % s.dimension == 0, "vector_kmeans: ", centroids.size(), " values are no centroids of ",
          s.dimension);
    vector_kmeans_tensor q(s, shape, std::move(codes), {.dimension = s.dimension, .centroids = std::move(centroids)});
    for (std::ptrdiff_t v = 0; v < q.packed().size(); ++v) {
        check(q.packed()[v] < q.book().size(), "vector_kmeans: label ", q.packed()[v], " of vector ", v,
              " of a codebook of ", q.book().size(), " centroids");
    }
    return q;
}

/// How many codes a tensor has: one an element, or one a vector.
template <class Scheme>
std::ptrdiff_t code_count(const Scheme&, const tensor_shape& shape) {
    return shape.size();
}
inline std::ptrdiff_t code_count(const vector_kmeans& s, const tensor_shape& shape) { return vector_count(s, shape); }

/// Width and signedness of a scheme's codes.
inline std::pair<int, bool> code_format(const affine& s) { return {s.bits, s.is_signed}; }
inline std::pair<int, bool> code_format(const kmeans& s) { return {s.bits, false}; }
inline std::pair<int, bool> code_format(const vsq& s) { return {s.bits, s.is_signed}; }
template <int M>
std::pair<int, bool> code_format(const microexponent<M>&) {
    return {1 + M, false};
}
inline std::pair<int, bool> code_format(const ocp_mx& s) { return {mx_bits(s.element), s.element == mx_element::int8}; }
inline std::pair<int, bool> code_format(const nvfp4&) { return {4, false}; }
inline std::pair<int, bool> code_format(const fixed_codebook&) { return {4, false}; }
inline std::pair<int, bool> code_format(const vector_kmeans& s) { return {s.bits, false}; }

}  // namespace detail

/// The tensor as bytes.
template <class Q>
tensor_parts to_parts(const Q& q) {
    auto parameters = detail::parameters_of(q);
    detail::part_writer io;
    detail::transfer(io, q.scheme(), q.shape(), parameters);
    const auto codes = std::as_bytes(q.packed().bytes());
    return {{codes.begin(), codes.end()}, io.take(), q.packed().bits(), q.packed().size()};
}

inline tensor_parts to_parts(const ggml_tensor& q) {
    const auto blocks = std::as_bytes(q.blocks());
    return {{blocks.begin(), blocks.end()}, {}, 8, std::ssize(blocks)};
}

inline tensor_parts to_parts(const any_quantized& q) {
    return q.visit([](const auto& chosen) { return to_parts(chosen); });
}

/// Bits of a code of the scheme, as packed; 8 where codes and scales are in blocks of bytes.
template <class Scheme>
int code_bits(const Scheme& s) {
    return detail::code_format(s).first;
}
inline int code_bits(const ggml_block&) { return 8; }

/// The tensor of a scheme and shape from its bytes. Errors: too few or too many of them, values that the type refuses.
template <class Scheme>
auto from_parts(const Scheme& s, const tensor_shape& shape, std::span<const std::byte> codes,
                std::span<const std::byte> parameters) {
    const auto [bits, is_signed] = detail::code_format(s);
    const std::ptrdiff_t count = detail::code_count(s, shape);
    check(std::ssize(codes) == packed_bytes(count, bits), "codes: ", codes.size(), " bytes for ", to_string(shape),
          " at ", bits, " bits");
    // A caller's codebook alone may be larger than its scheme says.
    const auto expected = detail::scheme_bytes(s, shape) - std::ssize(codes);
    check(std::ssize(parameters) == expected || (std::is_same_v<Scheme, kmeans> && std::ssize(parameters) > expected &&
                                                 std::ssize(parameters) <= 4 * 65536),
          "parameters: ", parameters.size(), " bytes, not ", expected);
    detail::part_reader io(parameters);
    auto values = detail::make_parameters(s, shape, parameters.size());
    detail::transfer(io, s, shape, values);
    io.finish();
    packed_codes packed(count, bits, is_signed);
    std::transform(codes.begin(), codes.end(), packed.bytes().begin(), [](std::byte b) { return std::uint8_t(b); });
    const std::size_t used = static_cast<std::size_t>(count * bits % 8);
    check(used == 0 || packed.bytes().back() >> used == 0, "codes: bits after the last one are not 0");
    return detail::assemble(s, shape, std::move(packed), std::move(values));
}

inline ggml_tensor from_parts(const ggml_block& s, const tensor_shape& shape, std::span<const std::byte> codes,
                              std::span<const std::byte> parameters) {
    check(parameters.empty(), "ggml_block: ", parameters.size(), " bytes of parameters; its blocks hold all");
    return {s, shape, {reinterpret_cast<const std::uint8_t*>(codes.data()), codes.size()}};
}

}  // namespace lowbit
