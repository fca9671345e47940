// SPDX-License-Identifier: Apache-2.0
// A short run of the fuzz target: its corpus, and every file of it damaged in ways that are the same each time.
#include <tests/fuzz/archive.cpp>

#include <lowbit/storage/mapped_file.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <random>

TEST_CASE("archive_fuzz: the corpus, whole and damaged") {
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(LOWBIT_GOLDEN "/../fuzz/corpus/archive"))
        files.push_back(file.path());
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 30);
    const auto run = [](const std::vector<std::byte>& file) {
        return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    };
    std::mt19937 random(1);
    for (const auto& path : files) {
        CAPTURE(path.filename().string());
        const std::vector<std::byte> whole = lowbit::read_file(path.string());
        CHECK(run(whole) == 0);
        for (int round = 0; round < 150; ++round) {
            std::vector<std::byte> damaged = whole;
            if (round % 5 == 0) damaged.resize(random() % (whole.size() + 1));
            if (round % 7 == 0) damaged.insert(damaged.end(), random() % 70, std::byte{0});
            for (int flips = 1 + round % 3; flips > 0 && !damaged.empty(); --flips) {
                // One bit, or a byte that is likely to mean something.
                std::byte& byte = damaged[random() % damaged.size()];
                const std::byte telling[] = {std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0x80},
                                             std::byte{0xff}};
                byte = round % 2 ? telling[random() % 5] : byte ^ std::byte(1u << random() % 8);
            }
            CHECK(run(damaged) == 0);
        }
    }
}
