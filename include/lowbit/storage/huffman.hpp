// SPDX-License-Identifier: Apache-2.0
/// @file
/// Huffman coding of small integers: labels, affine codes, index gaps, bytes.
///
/// Canonical codes of at most 12 bits, the best of that length (package-merge: Larmore and Hirschberg 1990), so that
/// only the lengths are stored. Symbols are cut into four streams, decoded side by side; a table of 4096 entries yields
/// up to three symbols a look-up.
///
/// Layout, little-endian:
///
///     u16   number of lengths − 1: the largest symbol
///     4 bit each, low nibble first: length of each symbol's code, 0 where it does not occur
///     u32   bytes of stream 0, 1, 2 (four streams, from 1024 symbols on; else one)
///     streams: codes from the lowest bit of the first byte on, their own first bit first; the last byte filled with 0
///
/// Stream s has the symbols s·⌈n/4⌉ … An only symbol has a code of one bit: n symbols take n/8 bytes at least, so that
/// a decoder never has to allocate more than eight symbols for a byte of its input.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/core/numeric.hpp>
#include <lowbit/storage/bytes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace lowbit {

/// Longest code, in bits; symbols are below 2^huffman_longest.
inline constexpr int huffman_longest = 12;

/// A symbol in memory: bytes, or 16 bits of which 12 are used.
template <class T>
concept huffman_symbol = std::same_as<T, std::uint8_t> || std::same_as<T, std::uint16_t>;

namespace detail {

inline constexpr std::size_t huffman_symbols = std::size_t{1} << huffman_longest;

/// How often each symbol occurs, up to the largest one. Errors: a symbol of more than 12 bits.
template <huffman_symbol Symbol>
std::vector<std::uint64_t> count_symbols(std::span<const Symbol> symbols) {
    // Equal neighbours would wait for each other's counter: four sets of them.
    std::array<std::vector<std::uint64_t>, 4> counts;
    for (auto& c : counts) c.resize(std::size_t{1} << (8 * sizeof(Symbol)));
    std::size_t i = 0;
    for (; i + 4 <= symbols.size(); i += 4) {
        for (std::size_t s = 0; s < 4; ++s) ++counts[s][symbols[i + s]];
    }
    for (; i < symbols.size(); ++i) ++counts[0][symbols[i]];
    std::size_t used = 0;
    for (std::size_t v = 0; v < counts[0].size(); ++v) {
        for (std::size_t s = 1; s < 4; ++s) counts[0][v] += counts[s][v];
        if (counts[0][v] != 0) used = v + 1;
    }
    check(used <= huffman_symbols, "huffman: symbol ", used - 1, " is above ", huffman_symbols - 1);
    counts[0].resize(used);
    return counts[0];
}

/// Streams for n symbols: so few that their sizes do not matter.
constexpr std::size_t huffman_streams(std::size_t n) { return n < 1024 ? 1 : 4; }

/// First symbol of a stream, of `huffman_streams(n)` ones; that of the one past the last is n.
constexpr std::size_t huffman_begin(std::size_t stream, std::size_t n) {
    return std::min(n, stream * ceil_div(n, huffman_streams(n)));
}

/// The codes of canonical lengths, their first bit lowest: shorter codes come first, then smaller symbols.
inline std::vector<std::uint16_t> huffman_codes(std::span<const std::uint8_t> lengths) {
    std::array<unsigned, huffman_longest + 2> next{};  // of each length: its next code
    for (const std::uint8_t length : lengths) next[length + 1u] += length != 0;
    for (unsigned length = 1; length < next.size(); ++length) next[length] = (next[length - 1] + next[length]) << 1;
    std::vector<std::uint16_t> codes(lengths.size());
    for (std::size_t v = 0; v < lengths.size(); ++v) {
        if (lengths[v] == 0) continue;
        const unsigned code = next[lengths[v]]++;
        unsigned reversed = 0;
        for (int bit = 0; bit < lengths[v]; ++bit) reversed = reversed << 1 | (code >> bit & 1);
        codes[v] = static_cast<std::uint16_t>(reversed);
    }
    return codes;
}

}  // namespace detail

/// Lengths of the best prefix code of at most `huffman_longest` bits for the counts; 0 for symbols that do not occur,
/// 1 for an only symbol. Package-merge, O(used·huffman_longest). Errors: more than 4096 symbols.
inline std::vector<std::uint8_t> huffman_lengths(std::span<const std::uint64_t> counts) {
    check(counts.size() <= detail::huffman_symbols, "huffman: ", counts.size(), " symbols; at most ",
          detail::huffman_symbols, " are supported");
    std::vector<std::uint8_t> lengths(counts.size());
    std::vector<std::uint32_t> used;
    for (std::uint32_t v = 0; v < counts.size(); ++v) {
        if (counts[v] != 0) used.push_back(v);
    }
    if (used.size() <= 1) {
        for (const std::uint32_t v : used) lengths[v] = 1;
        return lengths;
    }
    std::stable_sort(used.begin(), used.end(), [&](auto a, auto b) { return counts[a] < counts[b]; });

    // A level's items, lightest first: each a symbol, or a package of two items of the level before.
    struct item {
        std::uint64_t weight;
        bool package;
    };
    std::array<std::vector<item>, huffman_longest> levels;
    for (std::size_t level = 0; level < levels.size(); ++level) {
        std::vector<item>& items = levels[level];
        const auto symbol = [&](std::size_t i) { return item{counts[used[i]], false}; };
        std::size_t next = 0;
        for (std::size_t pair = 0; level > 0 && 2 * pair + 1 < levels[level - 1].size(); ++pair) {
            const std::uint64_t weight = levels[level - 1][2 * pair].weight + levels[level - 1][2 * pair + 1].weight;
            while (next < used.size() && symbol(next).weight <= weight) items.push_back(symbol(next++));
            items.push_back({weight, true});
        }
        while (next < used.size()) items.push_back(symbol(next++));
    }
    // The lightest 2·used − 2 items of the last level make the code: a symbol's length is how often it is in them.
    std::size_t wanted = 2 * used.size() - 2;
    for (std::size_t level = levels.size(); level-- > 0 && wanted > 0;) {
        const auto packages = static_cast<std::size_t>(
            std::count_if(levels[level].begin(), levels[level].begin() + static_cast<std::ptrdiff_t>(wanted),
                          [](const item& i) { return i.package; }));
        for (std::size_t i = 0; i < wanted - packages; ++i) ++lengths[used[i]];
        wanted = 2 * packages;
    }
    return lengths;
}

/// Bits that the counted symbols take in a code of these lengths, headers apart.
inline std::uint64_t huffman_bits(std::span<const std::uint64_t> counts, std::span<const std::uint8_t> lengths) {
    std::uint64_t bits = 0;
    for (std::size_t v = 0; v < counts.size(); ++v) bits += counts[v] * lengths[v];
    return bits;
}

/// The symbols, coded (layout: the file's head); nothing for none. Complexity O(n). Errors: symbols above 4095;
/// 2^34 of them or more.
template <huffman_symbol Symbol>
std::vector<std::byte> huffman_encode(std::span<const Symbol> symbols) {
    if (symbols.empty()) return {};
    const std::vector<std::uint64_t> counts = detail::count_symbols(symbols);
    const std::vector<std::uint8_t> lengths = huffman_lengths(counts);
    const std::vector<std::uint16_t> codes = detail::huffman_codes(lengths);
    check(symbols.size() < std::size_t{1} << 34, "huffman: ", symbols.size(), " symbols; cut them in parts");
    // Code and length side by side: one load for a symbol.
    std::array<std::uint32_t, detail::huffman_symbols> table;
    for (std::size_t v = 0; v < lengths.size(); ++v) table[v] = codes[v] | std::uint32_t(lengths[v]) << 16;

    const std::size_t streams = detail::huffman_streams(symbols.size());
    const std::size_t head = 2 + (lengths.size() + 1) / 2, sizes = 4 * (streams - 1);
    std::vector<std::byte> coded(head + sizes + symbols.size() * huffman_longest / 8 + 8 * (streams + 1));
    detail::store_bytes(static_cast<std::uint16_t>(lengths.size() - 1), coded.data());
    for (std::size_t v = 0; v < lengths.size(); ++v) coded[2 + v / 2] |= std::byte(lengths[v] << (v % 2 * 4));
    std::byte* at = coded.data() + head + sizes;
    for (std::size_t stream = 0; stream < streams; ++stream) {
        const Symbol* symbol = symbols.data() + detail::huffman_begin(stream, symbols.size());
        const Symbol* const last = symbols.data() + detail::huffman_begin(stream + 1, symbols.size());
        const std::byte* const begin = at;
        std::uint64_t pending = 0;
        unsigned filled = 0;
        const auto put = [&](Symbol value) {
            const std::uint32_t entry = table[value];
            pending |= std::uint64_t(entry & 0xffff) << filled;
            filled += entry >> 16;
        };
        const auto flush = [&] {
            detail::store_little(pending, at);
            at += filled / 8;
            pending >>= filled / 8 * 8;
            filled %= 8;
        };
        // Four codes and what a flush leaves are at most 55 bits.
        for (; last - symbol >= 4; symbol += 4) {
            put(symbol[0]);
            put(symbol[1]);
            put(symbol[2]);
            put(symbol[3]);
            flush();
        }
        while (symbol != last) put(*symbol++);
        flush();
        if (filled > 0) ++at;
        if (stream + 1 < streams)
            detail::store_bytes(static_cast<std::uint32_t>(at - begin), coded.data() + head + 4 * stream);
    }
    coded.resize(static_cast<std::size_t>(at - coded.data()));
    return coded;
}

/// Decodes exactly as many symbols as `symbols` has room for. Complexity O(n). Errors, naming the byte: lengths that
/// are no prefix code, streams that end early or late, symbols too large for their type.
template <huffman_symbol Symbol>
void huffman_decode(std::span<const std::byte> coded, std::span<Symbol> symbols);

namespace detail {

/// What the next 12 bits of a stream stand for: their total length in bits 0 … 5, how many symbols in bits 6 and 7,
/// then up to three symbols of 8 bits or two of 12. 0: no symbols. The length is lowest so that an entry is a shift
/// count as it is.
template <huffman_symbol Symbol>
class huffman_table {
public:
    static constexpr unsigned width = sizeof(Symbol) == 1 ? 8 : 12, most = 24 / width;

    /// Errors: lengths that over- or undersubscribe the code.
    explicit huffman_table(std::span<const std::uint8_t> lengths, const byte_reader& in) {
        std::uint32_t filled = 0;
        std::size_t used = 0;
        for (const std::uint8_t length : lengths) {
            in.require(length <= huffman_longest, "a code of ", int(length), " bits");
            filled += length == 0 ? 0 : std::uint32_t(huffman_symbols) >> length;
            used += length != 0;
        }
        in.require(filled == huffman_symbols || (used == 1 && filled == huffman_symbols / 2), "the code lengths fill ",
                   filled, " of ", huffman_symbols, " codes");
        const std::vector<std::uint16_t> codes = huffman_codes(lengths);
        for (std::size_t v = 0; v < lengths.size(); ++v) {
            if (lengths[v] == 0) continue;
            for (std::size_t i = codes[v]; i < huffman_symbols; i += std::size_t{1} << lengths[v])
                single_[i] = lengths[v] | 1u << 6 | static_cast<std::uint32_t>(v) << 8;
        }
    }

    /// Fills the entries of several symbols.
    void pair_up() {
        for (std::uint32_t i = 0; i < huffman_symbols; ++i) {
            std::uint32_t packed = 0, count = 0, total = 0;
            while (count < most) {
                const std::uint32_t next = single_[i >> total];
                if (next == 0 || total + length(next) > huffman_longest) break;
                packed |= symbols(next) << (width * count++);
                total += length(next);
            }
            several_[i] = total | count << 6 | packed << 8;
        }
    }

    static std::uint32_t length(std::uint32_t entry) { return entry & 63; }
    static std::uint32_t count(std::uint32_t entry) { return entry >> 6 & 3; }
    static std::uint32_t symbols(std::uint32_t entry) { return entry >> 8; }

    std::uint32_t single(std::uint64_t bits) const { return single_[bits & (huffman_symbols - 1)]; }
    std::uint32_t several(std::uint64_t bits) const { return several_[bits & (huffman_symbols - 1)]; }

private:
    std::array<std::uint32_t, huffman_symbols> single_{}, several_;
};

/// One stream being decoded.
template <huffman_symbol Symbol>
struct huffman_stream {
    const std::byte* at;  // the byte of the next bit
    std::uint32_t bit;    // of that byte
    Symbol* out;
    Symbol* out_end;
    const std::byte* end;
};

/// Four look-ups, of at most 48 bits, without looking where the stream or its symbols end: 8 bytes must be readable
/// and 4·most + 1 symbols writable.
template <bool several, huffman_symbol Symbol>
LOWBIT_ALWAYS_INLINE void decode_four(const huffman_table<Symbol>& table, huffman_stream<Symbol>& stream) {
    using entries = huffman_table<Symbol>;
    std::uint64_t bits = load_little<std::uint64_t>(stream.at) >> stream.bit;
    std::uint32_t used = stream.bit;  // the lengths add up in the low six bits: at most 7 + 48
    Symbol* out = stream.out;
    const auto look_up = [&]() __attribute__((always_inline)) {
        const std::uint32_t entry = several ? table.several(bits) : table.single(bits);
        const std::uint32_t found = entries::symbols(entry);
        bits >>= entry & 63;
        used += entry;
        if constexpr (!several) {
            *out++ = static_cast<Symbol>(found);
        } else if constexpr (sizeof(Symbol) == 1) {
            store_little(found, reinterpret_cast<std::byte*>(out));  // three symbols and one to be overwritten
            out += entries::count(entry);
        } else {
            out[0] = static_cast<Symbol>(found & 0xfff);
            out[1] = static_cast<Symbol>(found >> 12);
            out += entries::count(entry);
        }
    };
    look_up();
    look_up();
    look_up();
    look_up();
    used &= 63;
    stream.out = out;
    stream.at += used / 8;
    stream.bit = used % 8;
}

/// As many symbols of four streams as go without looking out for their ends: up to `safe`, from which on fewer than 8
/// bytes are left.
template <bool several, huffman_symbol Symbol>
void decode_fast(const huffman_table<Symbol>& table, std::array<huffman_stream<Symbol>, 4>& streams,
                 const std::byte* safe) {
    constexpr std::ptrdiff_t room = 4 * huffman_table<Symbol>::most + 1;
    auto [a, b, c, d] = streams;
    const auto fits = [&](const huffman_stream<Symbol>& s) { return s.at <= safe && s.out_end - s.out >= room; };
    while (fits(a) && fits(b) && fits(c) && fits(d)) {
        decode_four<several>(table, a);
        decode_four<several>(table, b);
        decode_four<several>(table, c);
        decode_four<several>(table, d);
    }
    streams = {a, b, c, d};
}

/// The rest of a stream, symbol by symbol. False where it ends early or late, or has a code that is none.
template <huffman_symbol Symbol>
bool decode_rest(const huffman_table<Symbol>& table, huffman_stream<Symbol>& stream) {
    while (stream.out != stream.out_end) {
        std::uint64_t bits = 0;
        const std::ptrdiff_t left = stream.end - stream.at;
        if (left <= 0) return false;
        for (std::ptrdiff_t i = 0; i < std::min<std::ptrdiff_t>(left, 3); ++i)
            bits |= std::uint64_t(stream.at[i]) << (8 * i);
        const std::uint32_t entry = table.single(bits >> stream.bit);
        const std::uint32_t used = stream.bit + huffman_table<Symbol>::length(entry);
        if (entry == 0 || used > 8 * static_cast<std::uint64_t>(left)) return false;
        *stream.out++ = static_cast<Symbol>(huffman_table<Symbol>::symbols(entry));
        stream.at += used / 8;
        stream.bit = used % 8;
    }
    const bool whole = stream.bit == 0 ? stream.at == stream.end : stream.at + 1 == stream.end;
    return whole && (stream.bit == 0 || std::uint32_t(*stream.at) >> stream.bit == 0);
}

}  // namespace detail

template <huffman_symbol Symbol>
void huffman_decode(std::span<const std::byte> coded, std::span<Symbol> symbols) {
    byte_reader in(coded, "huffman");
    if (symbols.empty()) return in.require(coded.empty(), coded.size(), " bytes for no symbols");
    const std::size_t count = in.number<std::uint16_t>("the largest symbol") + std::size_t{1};
    in.require(count <= std::min(detail::huffman_symbols, std::size_t{1} << (8 * sizeof(Symbol))), count,
               " symbols do not fit in ", 8 * sizeof(Symbol), " bits");
    const auto packed = in.take((count + 1) / 2, "the code lengths");
    std::vector<std::uint8_t> lengths(count);
    for (std::size_t v = 0; v < count; ++v) lengths[v] = std::uint8_t(packed[v / 2] >> (v % 2 * 4)) & 15;
    detail::huffman_table<Symbol> table(lengths, in);

    const std::size_t number = detail::huffman_streams(symbols.size());
    std::array<std::size_t, 4> sizes{};
    for (std::size_t s = 0; s + 1 < number; ++s) sizes[s] = in.number<std::uint32_t>("the size of a stream");
    std::array<detail::huffman_stream<Symbol>, 4> streams{};
    for (std::size_t s = 0; s < number; ++s) {
        const auto bytes = in.take(s + 1 < number ? sizes[s] : in.remaining(), "a stream");
        streams[s] = {bytes.data(), 0, symbols.data() + detail::huffman_begin(s, symbols.size()),
                      symbols.data() + detail::huffman_begin(s + 1, symbols.size()), bytes.data() + bytes.size()};
    }
    if (number == 4 && coded.size() >= 8) {
        const std::byte* const safe = coded.data() + coded.size() - 8;
        // Codes of 6 bits and less mostly come in twos.
        if (8 * coded.size() < 6 * symbols.size()) {
            table.pair_up();
            detail::decode_fast<true>(table, streams, safe);
        } else {
            detail::decode_fast<false>(table, streams, safe);
        }
    }
    for (std::size_t s = 0; s < number; ++s) {
        const auto end = static_cast<std::size_t>(streams[s].end - coded.data());
        check(detail::decode_rest(table, streams[s]), "huffman: stream ", s, " that ends at byte ", end,
              " does not end with its last symbol, or has a code that is none");
    }
}

}  // namespace lowbit
