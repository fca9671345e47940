// SPDX-License-Identifier: Apache-2.0
/// @file
/// libFuzzer target: any bytes as an archive, with the checksums made right first, so that what lies behind them is
/// reached. Every tensor is read; errors are fine, crashes, endless loops and large allocations are not.
///
///     clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/archive.cpp -o fuzz_archive
///     ./fuzz_archive -max_len=4096 -malloc_limit_mb=64 tests/fuzz/corpus/archive
#include <lowbit/storage/archive.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

/// Makes the checksums of the sections, the index and the header right, as far as they can be found.
void repair(std::vector<std::byte>& file) {
    using lowbit::crc32c;
    using lowbit::detail::load_bytes;
    using lowbit::detail::store_bytes;
    constexpr std::size_t header = lowbit::detail::archive_header;
    if (file.size() < header) return;
    const auto index = std::min<std::uint64_t>(load_bytes<std::uint64_t>(file.data() + 16), file.size() - header);
    std::size_t at = header;
    const std::size_t end = header + static_cast<std::size_t>(index);
    const auto skip = [&](std::uint64_t n) {
        return n <= end - at ? (at += static_cast<std::size_t>(n), true) : false;
    };
    const auto skip_text = [&] {
        return end - at >= 2 && skip(2 + std::uint64_t{load_bytes<std::uint16_t>(file.data() + at)});
    };
    while (at < end) {
        if (!skip_text() || !skip_text() || at == end || !skip(1 + 8 * std::uint64_t(file[at])) || at == end) break;
        auto sections = std::uint8_t(file[at]);
        for (skip(1); sections > 0 && end - at >= 29; --sections, skip(29)) {
            const auto offset = load_bytes<std::uint64_t>(file.data() + at + 1);
            const auto stored = load_bytes<std::uint64_t>(file.data() + at + 9);
            if (offset > file.size() || stored > file.size() - offset) continue;
            store_bytes(crc32c(std::span(file).subspan(offset, stored)), file.data() + at + 25);
        }
    }
    store_bytes(crc32c(std::span(file).subspan(header, static_cast<std::size_t>(index))), file.data() + 24);
    store_bytes(crc32c(std::span(file).first(28)), file.data() + 28);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::byte> file(reinterpret_cast<const std::byte*>(data),
                                reinterpret_cast<const std::byte*>(data) + size);
    repair(file);
    try {
        const lowbit::archive read(file);
        for (const auto& entry : read.entries()) {
            try {
                read.read_float(entry.name);
            } catch (const lowbit::error&) {
            }
        }
    } catch (const lowbit::error&) {
    }
    return 0;
}
