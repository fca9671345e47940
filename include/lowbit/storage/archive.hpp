// SPDX-License-Identifier: Apache-2.0
/// @file
/// One file for a whole model: named tensors, float32 or quantized by any of the library's schemes, bit for bit.
///
/// Little-endian. Sections begin at multiples of 64 bytes, so that a mapped file can be used where it lies when its
/// codes are stored raw; each tensor is read on its own.
///
///     header    "lowbit\x1a\n", u32 version 1, u32 tensors, u64 bytes of the index, u32 CRC-32C of the index,
///               u32 CRC-32C of the 28 bytes before
///     index     for each tensor: u16 length and name, u16 length and scheme string ("float32" for plain values),
///               u8 axes, i64 extents, u8 sections; for each section (codes, then parameters if there are any):
///               u8 coding, u64 offset, u64 bytes stored, u64 bytes decoded, u32 CRC-32C of the bytes stored
///     sections  in the order of the index, zeros between them; the file ends with the last one
///
/// Codings: 0 as they are; 1 Huffman (huffman.hpp); 2 sparse (sparse.hpp). Symbols are the packed codes; bytes where
/// these have a format of their own. Codes of 13 to 16 bits are coded in halves: u64 bytes of the first, the codes
/// without their low 8 bits; then those.
///
/// Reading trusts nothing: every number is checked before it is used, errors name the byte, and nothing is allocated
/// beyond 4·`archive_most_symbols` times the file's size.
#pragma once

#include <lowbit/storage/bytes.hpp>
#include <lowbit/storage/crc32c.hpp>
#include <lowbit/storage/huffman.hpp>
#include <lowbit/storage/parts.hpp>
#include <lowbit/storage/sparse.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowbit {

/// How codes are stored.
enum class coding : std::uint8_t {
    raw,       ///< packed, as in memory: can be mapped
    huffman,   ///< entropy-coded
    sparse,    ///< gaps between the codes that are not the most frequent one, and those codes, entropy-coded
    smallest,  ///< whichever of them takes the fewest bytes
};

/// Symbols that one byte of an entropy-coded section stands for at most: eight sparse gaps of up to 255 codes. With
/// codes of 12 bits, and 16 in memory while they are decoded, nothing is allocated beyond four times as many bytes.
inline constexpr std::uint64_t archive_most_symbols = 8 * 255;

namespace detail {

inline constexpr std::string_view archive_magic{"lowbit\x1a\n", 8};
inline constexpr std::uint32_t archive_version = 1;
inline constexpr std::size_t archive_alignment = 64, archive_header = 32;
inline constexpr std::string_view plain_float = "float32";

/// What the coders see of `raw_bytes` bytes: packed codes, else bytes.
struct code_symbols {
    int bits;
    std::size_t count;

    code_symbols(int code_bits, std::ptrdiff_t codes, std::size_t raw_bytes) : bits(8), count(raw_bytes) {
        if (packed_bytes(codes, code_bits) != static_cast<std::ptrdiff_t>(raw_bytes)) return;
        bits = code_bits;
        count = static_cast<std::size_t>(codes);
    }
    bool in_halves() const { return bits > huffman_longest; }
};

template <huffman_symbol Symbol>
std::vector<std::byte> encode_symbols(const std::vector<Symbol>& symbols, coding how) {
    return how == coding::huffman ? huffman_encode<Symbol>(symbols) : sparse_encode<Symbol>(symbols);
}

template <huffman_symbol Symbol>
void decode_symbols(std::span<const std::byte> coded, coding how, std::vector<Symbol>& symbols) {
    how == coding::huffman ? huffman_decode<Symbol>(coded, symbols) : sparse_decode<Symbol>(coded, symbols);
}

/// The codes, coded. how: not `smallest`. Symbol holds the codes.
template <huffman_symbol Symbol>
std::vector<std::byte> encode_codes(std::span<const std::byte> raw, const code_symbols& as, coding how) {
    std::vector<Symbol> symbols(as.count);
    unpack_codes(reinterpret_cast<const std::uint8_t*>(raw.data()), static_cast<std::ptrdiff_t>(as.count), as.bits,
                 symbols.data());
    if (!as.in_halves()) return encode_symbols(symbols, how);
    std::vector<std::uint8_t> half(as.count);
    std::transform(symbols.begin(), symbols.end(), half.begin(), [](Symbol s) { return std::uint8_t(s >> 8); });
    const std::vector<std::byte> high = encode_symbols(half, how);
    std::transform(symbols.begin(), symbols.end(), half.begin(), [](Symbol s) { return std::uint8_t(s & 255); });
    const std::vector<std::byte> low = encode_symbols(half, how);
    std::vector<std::byte> both(sizeof(std::uint64_t));
    store_bytes(std::uint64_t{high.size()}, both.data());
    both.insert(both.end(), high.begin(), high.end());
    both.insert(both.end(), low.begin(), low.end());
    return both;
}

template <huffman_symbol Symbol>
void decode_codes(std::span<const std::byte> coded, const code_symbols& as, coding how, std::span<std::byte> raw) {
    std::vector<Symbol> symbols(as.count);
    if (as.in_halves()) {
        byte_reader in(coded, "archive halves");
        const auto first = in.number<std::uint64_t>("the size of the first half");
        in.require(first <= in.remaining(), "a first half of ", first, " bytes, but ", in.remaining(), " are left");
        std::vector<std::uint8_t> half(as.count);
        decode_symbols(in.take(static_cast<std::size_t>(first), "the first half"), how, half);
        std::transform(half.begin(), half.end(), symbols.begin(), [](std::uint8_t s) { return Symbol(s << 8); });
        decode_symbols(in.take(in.remaining(), "the second half"), how, half);
        for (std::size_t i = 0; i < symbols.size(); ++i) symbols[i] = static_cast<Symbol>(symbols[i] | half[i]);
    } else {
        decode_symbols(coded, how, symbols);
    }
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        check(symbols[i] >> as.bits == 0, "archive: decoded code ", i, " is ", symbols[i], ", above ", as.bits,
              " bits");
    }
    pack_codes(symbols.data(), static_cast<std::ptrdiff_t>(as.count), as.bits,
               reinterpret_cast<std::uint8_t*>(raw.data()));
}

}  // namespace detail

/// Gathers tensors and writes them as one file.
class archive_writer {
public:
    /// Adds a quantized tensor of any scheme of the library. Errors: a name that is there already or longer than
    /// 65,535 bytes; a scheme without a string.
    template <quantized_tensor Q>
    void add(std::string_view name, const Q& q, coding how = coding::raw) {
        tensor_parts parts = to_parts(q);
        add_entry(name, to_string(q.scheme()), q.shape());
        add_codes(std::move(parts.codes), parts.code_bits, parts.code_count, how);
        if (!parts.parameters.empty()) add_raw(std::move(parts.parameters));
    }

    /// Adds plain float32 values.
    void add(std::string_view name, tensor_view<const float> values) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(values.size()) * sizeof(float));
        for (std::ptrdiff_t i = 0; i < values.size(); ++i)
            detail::store_bytes(values[i], bytes.data() + static_cast<std::size_t>(i) * sizeof(float));
        add_entry(name, detail::plain_float, values.shape());
        add_raw(std::move(bytes));
    }

    /// The file.
    std::vector<std::byte> bytes() const {
        detail::part_writer index;
        std::size_t index_bytes = 0;
        for (const entry& e : entries_) {
            index_bytes += 2 + e.name.size() + 2 + e.scheme.size() + 1 + 8 * static_cast<std::size_t>(e.shape.rank()) +
                           1 + 29 * e.sections.size();
        }
        std::size_t at = detail::archive_header + index_bytes;
        for (const entry& e : entries_) {
            for (const std::string& text : {e.name, e.scheme}) {
                index.number(static_cast<std::uint16_t>(text.size()));
                for (const char c : text) index.number(static_cast<std::uint8_t>(c));
            }
            index.number(static_cast<std::uint8_t>(e.shape.rank()));
            for (const std::ptrdiff_t extent : e.shape) index.number(std::int64_t{extent});
            index.number(static_cast<std::uint8_t>(e.sections.size()));
            for (const section& s : e.sections) {
                at = aligned(at);
                index.number(static_cast<std::uint8_t>(s.how));
                index.number(std::uint64_t{at});
                index.number(std::uint64_t{s.stored.size()});
                index.number(std::uint64_t{s.decoded});
                index.number(crc32c(s.stored));
                at += s.stored.size();
            }
        }
        const std::vector<std::byte> index_file = index.take();
        LOWBIT_ASSERT(index_file.size() == index_bytes);
        detail::part_writer header;
        for (const char c : detail::archive_magic) header.number(static_cast<std::uint8_t>(c));
        header.number(detail::archive_version);
        header.number(static_cast<std::uint32_t>(entries_.size()));
        header.number(std::uint64_t{index_bytes});
        header.number(crc32c(index_file));
        std::vector<std::byte> file = header.take();
        file.resize(detail::archive_header);
        detail::store_bytes(crc32c(std::span(file).first(28)), file.data() + 28);

        file.reserve(at);
        file.insert(file.end(), index_file.begin(), index_file.end());
        for (const entry& e : entries_) {
            for (const section& s : e.sections) {
                file.resize(aligned(file.size()));
                file.insert(file.end(), s.stored.begin(), s.stored.end());
            }
        }
        return file;
    }

    /// Writes the file.
    void write(const std::string& path) const { write_file(path, bytes()); }

private:
    struct section {
        coding how;
        std::uint64_t decoded;
        std::vector<std::byte> stored;
    };
    struct entry {
        std::string name, scheme;
        tensor_shape shape;
        std::vector<section> sections;
    };

    static std::size_t aligned(std::size_t at) {
        return ceil_div(at, detail::archive_alignment) * detail::archive_alignment;
    }

    void add_entry(std::string_view name, std::string_view scheme, const tensor_shape& shape) {
        check(name.size() <= 65535, "archive: a name of ", name.size(), " bytes; at most 65535 are supported");
        for (const entry& e : entries_) check(e.name != name, "archive: the name \"", name, "\" is there already");
        entries_.push_back({std::string(name), std::string(scheme), shape, {}});
    }

    void add_raw(std::vector<std::byte> bytes) {
        const std::size_t size = bytes.size();
        entries_.back().sections.push_back({coding::raw, size, std::move(bytes)});
    }

    void add_codes(std::vector<std::byte> raw, int bits, std::ptrdiff_t count, coding how) {
        const detail::code_symbols as(bits, count, raw.size());
        coding best = coding::raw;
        std::vector<std::byte> best_bytes;
        for (const coding candidate : {coding::huffman, coding::sparse}) {
            if (how != candidate && how != coding::smallest) continue;
            std::vector<std::byte> coded = as.bits <= 8 ? detail::encode_codes<std::uint8_t>(raw, as, candidate)
                                                        : detail::encode_codes<std::uint16_t>(raw, as, candidate);
            const std::size_t limit = best == coding::raw ? raw.size() : best_bytes.size();
            if (how == coding::smallest && coded.size() >= limit) continue;
            best = candidate;
            best_bytes = std::move(coded);
        }
        if (best == coding::raw) return add_raw(std::move(raw));
        entries_.back().sections.push_back({best, raw.size(), std::move(best_bytes)});
    }

    std::vector<entry> entries_;
};

/// Reads tensors from a file in memory, which must outlive it: read_file's bytes, or a mapped_file's.
class archive {
public:
    /// A run of bytes of the file.
    struct section {
        coding how = coding::raw;
        std::uint64_t offset = 0, stored = 0, decoded = 0;
        std::uint32_t checksum = 0;
    };
    /// A tensor of the file.
    struct entry {
        std::string name;
        std::string scheme;  ///< as parse_scheme reads it; "float32" for plain values
        tensor_shape shape;
        std::vector<section> sections;  ///< codes, then parameters if there are any

        /// Bytes in the file, index and alignment apart.
        std::uint64_t stored_bytes() const {
            std::uint64_t total = 0;
            for (const section& s : sections) total += s.stored;
            return total;
        }
    };

    /// Reads and checks the index; sections are checked when they are read. Errors, naming the byte: anything that
    /// is not a whole archive of this version.
    explicit archive(std::span<const std::byte> file) : file_(file) {
        byte_reader in(file, "archive");
        const auto header = in.take(detail::archive_header, "the header");
        check(std::memcmp(header.data(), detail::archive_magic.data(), 8) == 0,
              "archive: the file does not begin with the magic string of one");
        byte_reader fields(header.subspan(8), "archive header");
        const auto version = fields.number<std::uint32_t>("the version");
        check(version == detail::archive_version, "archive: at byte 8: version ", version, "; this library reads ",
              detail::archive_version);
        const auto count = fields.number<std::uint32_t>("the number of tensors");
        const auto index_bytes = fields.number<std::uint64_t>("the size of the index");
        const auto index_checksum = fields.number<std::uint32_t>("the index's checksum");
        const auto checksum = fields.number<std::uint32_t>("the header's checksum");
        check(crc32c(header.first(28)) == checksum, "archive: at byte 28: the header's checksum is wrong");
        in.require(index_bytes <= in.remaining(), "an index of ", index_bytes, " bytes, but ", in.remaining(),
                   " are left");
        check(crc32c(file.subspan(in.offset(), index_bytes)) == index_checksum,
              "archive: at byte 24: the index's checksum is wrong");
        std::uint64_t end = detail::archive_header + index_bytes;
        for (std::uint32_t i = 0; i < count; ++i) {
            read_entry(in, detail::archive_header + index_bytes, end);
        }
        check(in.offset() == detail::archive_header + index_bytes, "archive: at byte ", in.offset(),
              ": the index does not end with its last tensor");
        check(end == file.size(), "archive: at byte ", end, ": ", file.size() - end, " bytes after the last section");
    }

    std::span<const entry> entries() const { return entries_; }

    /// The tensor of a name. Errors: there is none.
    const entry& find(std::string_view name) const {
        for (const entry& e : entries_) {
            if (e.name == name) return e;
        }
        fail("archive: no tensor \"", name, "\"");
    }

    /// Reads a quantized tensor. Errors: none of that name, plain values, sections that are damaged or malformed.
    any_quantized read(std::string_view name) const {
        const entry& e = find(name);
        check(e.scheme != detail::plain_float, "archive: \"", name, "\" holds plain float32 values: use read_float");
        return parse_scheme(e.scheme).visit([&](const auto& s) {
            const section none{.offset = file_.size()};
            const section& codes = e.sections[0];
            std::vector<std::byte> decoded;
            std::span<const std::byte> raw = checked(e, codes);
            if (codes.how != coding::raw) {
                const detail::code_symbols as(code_bits(s), detail::code_count(s, e.shape), codes.decoded);
                check(as.count / archive_most_symbols <= codes.stored, "archive: \"", name, "\": ", codes.stored,
                      " bytes at byte ", codes.offset, " for ", as.count, " codes");
                decoded.resize(codes.decoded);
                as.bits <= 8 ? detail::decode_codes<std::uint8_t>(raw, as, codes.how, decoded)
                             : detail::decode_codes<std::uint16_t>(raw, as, codes.how, decoded);
                raw = decoded;
            }
            return any_quantized(from_parts(s, e.shape, raw, checked(e, e.sections.size() > 1 ? e.sections[1] : none)));
        });
    }

    /// Reads a quantized tensor of a known type. Errors: as read; another type.
    template <class Q>
    Q read_as(std::string_view name) const {
        const any_quantized q = read(name);
        const Q* found = std::get_if<Q>(&q.value());
        check(found != nullptr, "archive: \"", name, "\" is stored as ", find(name).scheme,
              ", not as the type asked for");
        return *found;
    }

    /// Reads plain values, or a quantized tensor's, dequantized. Errors: none of that name, damaged sections.
    tensor<float> read_float(std::string_view name) const {
        const entry& e = find(name);
        if (e.scheme != detail::plain_float) return dequantize(read(name));
        const std::span<const std::byte> bytes = checked(e, e.sections[0]);
        tensor<float> values(e.shape);
        for (std::ptrdiff_t i = 0; i < values.size(); ++i)
            values[i] = detail::load_bytes<float>(bytes.data() + static_cast<std::size_t>(i) * sizeof(float));
        return values;
    }

    /// The packed codes (or plain values) of a tensor where they lie in the file, at a multiple of 64 bytes from its
    /// beginning. Errors: none of that name, damaged, entropy-coded.
    std::span<const std::byte> mapped_codes(std::string_view name) const {
        const entry& e = find(name);
        check(e.sections[0].how == coding::raw, "archive: the codes of \"", name, "\" are entropy-coded: use read");
        return checked(e, e.sections[0]);
    }

private:
    static std::string text(byte_reader& in, const char* what) {
        const auto length = in.number<std::uint16_t>(what);
        const auto bytes = in.take(length, what);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    void read_entry(byte_reader& in, std::uint64_t data, std::uint64_t& end) {
        entry e;
        e.name = text(in, "a name");
        for (const entry& other : entries_)
            in.require(other.name != e.name, "the name \"", e.name, "\" is there twice");
        e.scheme = text(in, "a scheme");
        const int rank = in.number<std::uint8_t>("the number of axes");
        in.require(rank <= tensor_shape::max_rank, rank, " axes");
        std::vector<std::ptrdiff_t> extents;
        // No more elements than the file can stand for, and no more lines of none.
        const std::uint64_t most = checked_multiply(std::uint64_t{file_.size()}, archive_most_symbols, "archive");
        std::uint64_t lines = 1;
        for (int axis = 0; axis < rank; ++axis) {
            const auto extent = in.number<std::int64_t>("an extent");
            in.require(extent >= 0 && static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1)) <= most / lines,
                       "the extent ", extent, " of axis ", axis, " is more than the file can hold");
            lines *= static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1));
            extents.push_back(extent);
        }
        e.shape = tensor_shape(extents);
        const auto sections = in.number<std::uint8_t>("the number of sections");
        in.require(sections == 1 || sections == 2, int(sections), " sections");
        for (int i = 0; i < sections; ++i) {
            section s;
            const auto how = in.number<std::uint8_t>("a coding");
            in.require(how <= 2 && (i == 0 || how == 0), "the coding ", int(how));
            s.how = static_cast<coding>(how);
            s.offset = in.number<std::uint64_t>("an offset");
            s.stored = in.number<std::uint64_t>("a size");
            s.decoded = in.number<std::uint64_t>("a decoded size");
            s.checksum = in.number<std::uint32_t>("a checksum");
            const std::uint64_t begin =
                ceil_div(end, std::uint64_t{detail::archive_alignment}) * detail::archive_alignment;
            in.require(s.offset == begin && begin >= data, "a section at ", s.offset, ", not at ", begin);
            in.require(begin <= file_.size() && s.stored <= file_.size() - begin, "a section of ", s.stored,
                       " bytes at ", begin, " leaves the file");
            in.require(
                s.how == coding::raw ? s.decoded == s.stored : s.decoded / (2 * archive_most_symbols) <= s.stored,
                s.stored, " bytes that decode to ", s.decoded);
            for (std::uint64_t at = end; at < begin; ++at) {
                check(file_[at] == std::byte{0}, "archive: at byte ", at, ": a byte between sections is not 0");
            }
            end = begin + s.stored;
            e.sections.push_back(s);
        }
        if (e.scheme == detail::plain_float) {
            in.require(sections == 1 && e.sections[0].how == coding::raw &&
                           e.sections[0].stored == 4 * static_cast<std::uint64_t>(e.shape.size()),
                       "\"", e.name, "\" has ", e.stored_bytes(), " bytes for ", to_string(e.shape), " of float32");
        }
        entries_.push_back(std::move(e));
    }

    std::span<const std::byte> checked(const entry& e, const section& s) const {
        const auto bytes = file_.subspan(s.offset, s.stored);
        check(crc32c(bytes) == s.checksum, "archive: \"", e.name, "\": the checksum of the ", s.stored,
              " bytes at byte ", s.offset, " is wrong");
        return bytes;
    }

    std::span<const std::byte> file_;
    std::vector<entry> entries_;
};

}  // namespace lowbit
