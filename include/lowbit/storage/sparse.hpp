// SPDX-License-Identifier: Apache-2.0
/// @file
/// Sparse codes: where the symbols other than the most frequent one are, as gaps between them (Han et al. 2016, "Deep
/// Compression", section 2).
///
/// A gap of b bits counts the skipped symbols before a kept one, 0 … 2^b − 2. Longer runs need fillers: 2^b − 1 says
/// that so many are skipped and nothing follows yet. (The paper's filler is a zero weight, which costs a value as
/// well.) After the last gap everything is skipped.
#pragma once

#include <lowbit/core/error.hpp>
#include <lowbit/storage/huffman.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace lowbit {

/// Gaps between the symbols of `symbols` that are not `skipped`, of `bits` bits. Complexity O(n). Errors: bits outside
/// 1 … 8.
template <huffman_symbol Symbol>
std::vector<std::uint8_t> relative_gaps(std::span<const Symbol> symbols, Symbol skipped, int bits) {
    check(bits >= 1 && bits <= 8, "relative_gaps: ", bits, " bits; 1 to 8 are supported");
    const std::size_t filler = (std::size_t{1} << bits) - 1;
    std::vector<std::uint8_t> gaps;
    std::size_t run = 0;
    for (const Symbol symbol : symbols) {
        if (symbol == skipped) {
            ++run;
            continue;
        }
        for (; run >= filler; run -= filler) gaps.push_back(static_cast<std::uint8_t>(filler));
        gaps.push_back(static_cast<std::uint8_t>(run));
        run = 0;
    }
    return gaps;
}

/// Calls f(index) for each kept symbol of n, in order. Errors: a gap that leaves the n symbols or its bits.
template <class Function>
void for_each_kept(std::span<const std::uint8_t> gaps, int bits, std::size_t n, Function f) {
    const std::size_t filler = (std::size_t{1} << bits) - 1;
    std::size_t at = 0;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        check(gaps[i] <= filler && gaps[i] <= n - at, "relative gaps: gap ", i, " of ", gaps[i], " at symbol ", at,
              " leaves the ", n, " symbols");
        at += gaps[i];
        if (gaps[i] == filler) continue;
        check(at < n, "relative gaps: gap ", i, " ends at symbol ", at, " of ", n);
        f(at++);
    }
}

/// The symbols with the most frequent one left out: gaps and kept symbols, both Huffman-coded, with the gap width that
/// is smallest. Layout, little-endian: u16 the symbol left out, u16 bits of a gap, u64 gaps, u64 bytes of the coded
/// gaps, coded gaps, coded symbols. Complexity O(n).
template <huffman_symbol Symbol>
std::vector<std::byte> sparse_encode(std::span<const Symbol> symbols) {
    const std::vector<std::uint64_t> counts = detail::count_symbols(symbols);
    const auto skipped = static_cast<Symbol>(std::max_element(counts.begin(), counts.end()) - counts.begin());
    std::vector<Symbol> kept;
    std::copy_if(symbols.begin(), symbols.end(), std::back_inserter(kept), [&](Symbol s) { return s != skipped; });
    std::vector<std::byte> best_gaps;
    std::size_t gap_count = 0;
    int best_bits = 0;
    for (int bits = 1; bits <= 8; ++bits) {
        const std::vector<std::uint8_t> gaps = relative_gaps(symbols, skipped, bits);
        std::vector<std::byte> coded = huffman_encode<std::uint8_t>(gaps);
        if (best_bits != 0 && coded.size() >= best_gaps.size()) continue;
        best_gaps = std::move(coded);
        gap_count = gaps.size();
        best_bits = bits;
    }
    const std::vector<std::byte> values = huffman_encode<Symbol>(kept);
    std::vector<std::byte> coded(20 + best_gaps.size() + values.size());
    detail::store_bytes(static_cast<std::uint16_t>(skipped), coded.data());
    detail::store_bytes(static_cast<std::uint16_t>(best_bits), coded.data() + 2);
    detail::store_bytes(std::uint64_t{gap_count}, coded.data() + 4);
    detail::store_bytes(std::uint64_t{best_gaps.size()}, coded.data() + 12);
    std::copy(values.begin(), values.end(), std::copy(best_gaps.begin(), best_gaps.end(), coded.begin() + 20));
    return coded;
}

/// Decodes as many symbols as `symbols` has room for. Errors, naming the byte: what is malformed.
template <huffman_symbol Symbol>
void sparse_decode(std::span<const std::byte> coded, std::span<Symbol> symbols) {
    byte_reader in(coded, "sparse codes");
    const auto skipped = in.number<std::uint16_t>("the symbol left out");
    const auto bits = in.number<std::uint16_t>("the bits of a gap");
    const auto gap_count = in.number<std::uint64_t>("the number of gaps");
    const auto gap_bytes = in.number<std::uint64_t>("the size of the gaps");
    in.require(static_cast<Symbol>(skipped) == skipped, "the symbol ", skipped, " does not fit in ", 8 * sizeof(Symbol),
               " bits");
    in.require(bits >= 1 && bits <= 8, "gaps of ", bits, " bits");
    in.require(gap_bytes <= in.remaining() && gap_count <= 8 * gap_bytes, gap_count, " gaps in ", gap_bytes, " bytes");
    std::vector<std::uint8_t> gaps(gap_count);
    huffman_decode<std::uint8_t>(in.take(gap_bytes, "the gaps"), gaps);

    const std::size_t filler = (std::size_t{1} << bits) - 1;
    const auto kept = static_cast<std::size_t>(
        std::count_if(gaps.begin(), gaps.end(), [&](std::uint8_t gap) { return gap != filler; }));
    in.require(kept <= 8 * in.remaining(), kept, " symbols in ", in.remaining(), " bytes");
    std::vector<Symbol> values(kept);
    huffman_decode<Symbol>(in.take(in.remaining(), "the symbols"), values);
    std::fill(symbols.begin(), symbols.end(), static_cast<Symbol>(skipped));
    std::size_t next = 0;
    for_each_kept(gaps, bits, symbols.size(), [&](std::size_t at) { symbols[at] = values[next++]; });
}

}  // namespace lowbit
