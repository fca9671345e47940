// SPDX-License-Identifier: Apache-2.0
/// @file
/// Huffman coding beside zstd's coder on the same symbols, in G symbols/s, tables included. zstd's takes blocks of at
/// most 128 KiB.
#include <bench/peers/report.hpp>
#include <bench/support/data.hpp>
#include <lowbit/storage/huffman.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

// The static library of zstd 1.5 has these; its headers do not declare them.
extern "C" {
std::size_t HUF_compress4X_repeat(void* dst, std::size_t dst_size, const void* src, std::size_t src_size,
                                  unsigned max_symbol, unsigned table_log, void* workspace, std::size_t workspace_size,
                                  void* table, int* repeat, int prefer_repeat, int bmi2, unsigned incompressible);
std::size_t HUF_decompress4X_hufOnly_wksp(void* table, void* dst, std::size_t dst_size, const void* src,
                                          std::size_t src_size, void* workspace, std::size_t workspace_size, int bmi2);
}

namespace {

/// zstd's coder over blocks, with the memory that it wants.
class zstd_coder {
public:
    explicit zstd_coder(std::size_t n)
        : blocks_(n / block, std::vector<std::uint8_t>(block + 1024)), sizes_(n / block) {}

    void encode(const std::uint8_t* symbols) {
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            int repeat = 0;
            sizes_[b] =
                HUF_compress4X_repeat(blocks_[b].data(), blocks_[b].size(), symbols + b * block, block, 255, 11,
                                      workspace_.data(), 8 * workspace_.size(), table_.data(), &repeat, 0, 1, 0);
        }
    }
    void decode(std::uint8_t* symbols) {
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            table_[0] = 12 * 0x01000001u;  // an empty table of 12 bits
            HUF_decompress4X_hufOnly_wksp(table_.data(), symbols + b * block, block, blocks_[b].data(), sizes_[b],
                                          workspace_.data(), 8 * workspace_.size(), 1);
        }
    }

    static constexpr std::size_t block = 128 << 10;

private:
    std::vector<std::vector<std::uint8_t>> blocks_;
    std::vector<std::size_t> sizes_;
    std::vector<std::uint64_t> table_ = std::vector<std::uint64_t>(1 << 16),
                               workspace_ = std::vector<std::uint64_t>(1 << 16);
};

void run(peers::report& report, const peers::options& how) {
    struct labels {
        const char* name;
        int levels;
        double spread;  ///< of the gaussian, in levels
    };
    for (const auto& [name, levels, spread] : {labels{"4-bit labels, evenly used", 16, 4.5},
                                               {"4-bit labels, absmax", 16, 2},
                                               {"8-bit labels, evenly used", 256, 48},
                                               {"8-bit labels, absmax", 256, 26}}) {
        const auto gaussian = bench::gaussian(32 * zstd_coder::block);
        std::vector<std::uint8_t> symbols, decoded(32 * zstd_coder::block), peer_decoded(decoded.size());
        for (const float x : gaussian)
            symbols.push_back(
                static_cast<std::uint8_t>(std::clamp(levels / 2 + spread * double(x), 0.0, levels - 1.0)));
        std::vector<std::byte> coded;
        zstd_coder zstd(symbols.size());
        const auto add = [&](const char* what, const std::vector<double>& seconds) {
            const auto rate = [&](double t) { return 1e-9 * double(symbols.size()) / t; };
            peers::row row;
            row.group = "Huffman coding";
            row.name = std::string(what) + " " + name;
            row.ours = rate(seconds[0]);
            row.unit = "G symbols/s";
            row.best_peer = rate(seconds[1]);
            row.peer = "zstd";
            row.required_ratio = 0.8;
            report.add(row);
        };
        add("encode", peers::fastest({[&] { coded = lowbit::huffman_encode<std::uint8_t>(symbols); },
                                      [&] { zstd.encode(symbols.data()); }},
                                     how));
        add("decode", peers::fastest({[&] { lowbit::huffman_decode<std::uint8_t>(coded, decoded); },
                                      [&] { zstd.decode(peer_decoded.data()); }},
                                     how));
        if (decoded != symbols || peer_decoded != symbols)
            std::fprintf(stderr, "Huffman: decoded wrong\n"), std::exit(1);
    }
}

const peers::add_comparison added{"huffman", run};

}  // namespace
