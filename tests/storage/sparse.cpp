// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/sparse.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace lowbit;

namespace {

std::vector<std::uint8_t> pruned(std::mt19937& random, std::size_t n, double density) {
    std::vector<std::uint8_t> symbols(n, 5);
    for (auto& s : symbols) {
        if (std::uniform_real_distribution<>()(random) < density) s = static_cast<std::uint8_t>(random() % 16);
    }
    return symbols;
}

}  // namespace

TEST_CASE("sparse: gaps and fillers") {
    const std::vector<std::uint8_t> symbols{0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0};
    CHECK(relative_gaps<std::uint8_t>(symbols, 0, 2) == std::vector<std::uint8_t>{2, 0, 3, 3, 1});
    CHECK(relative_gaps<std::uint8_t>(symbols, 0, 3) == std::vector<std::uint8_t>{2, 0, 7, 0});
    CHECK(relative_gaps<std::uint8_t>(symbols, 0, 8) == std::vector<std::uint8_t>{2, 0, 7});
    CHECK_THROWS_AS(relative_gaps<std::uint8_t>(symbols, 0, 9), error);
    for (int bits = 1; bits <= 8; ++bits) {
        std::vector<std::size_t> kept;
        for_each_kept(relative_gaps<std::uint8_t>(symbols, 0, bits), bits, symbols.size(),
                      [&](std::size_t at) { kept.push_back(at); });
        CHECK(kept == std::vector<std::size_t>{2, 3, 11});
    }
    const auto ignore = [](std::size_t) {};
    CHECK_THROWS_AS(for_each_kept(std::vector<std::uint8_t>{1}, 2, 1, ignore), error);
    CHECK_THROWS_AS(for_each_kept(std::vector<std::uint8_t>{3}, 2, 2, ignore), error);
    CHECK_THROWS_AS(for_each_kept(std::vector<std::uint8_t>{4}, 2, 9, ignore), error);
}

TEST_CASE("sparse: every density comes back, and sparse ones small") {
    std::mt19937 random(1);
    for (const std::size_t n : {0u, 1u, 100u, 5000u, 70000u}) {
        for (const double density : {0.0, 0.001, 0.08, 0.5, 1.0}) {
            const auto symbols = pruned(random, n, density);
            const auto coded = sparse_encode<std::uint8_t>(symbols);
            std::vector<std::uint8_t> decoded(n, 1);
            sparse_decode<std::uint8_t>(coded, decoded);
            REQUIRE(decoded == symbols);
            if (n == 70000 && density == 0.08) {
                CHECK(coded.size() * 8 < n * 3 / 4);  // entropy: 0.69 bits a symbol
                CHECK(coded.size() < huffman_encode<std::uint8_t>(symbols).size());
            }
            const std::vector<std::uint16_t> wide(symbols.begin(), symbols.end());
            std::vector<std::uint16_t> wide_decoded(n);
            sparse_decode<std::uint16_t>(sparse_encode<std::uint16_t>(wide), wide_decoded);
            REQUIRE(wide_decoded == wide);
        }
    }
}

TEST_CASE("sparse: broken input is refused or decodes within bounds") {
    std::mt19937 random(2);
    const auto symbols = pruned(random, 3000, 0.1);
    const auto coded = sparse_encode<std::uint8_t>(symbols);
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::byte> broken(coded.begin(), coded.begin() + 1 + std::ptrdiff_t(random() % coded.size()));
        broken.shrink_to_fit();
        for (unsigned flips = random() % 4; flips-- > 0;)
            broken[random() % broken.size()] ^= std::byte(1 << random() % 8);
        std::vector<std::uint8_t> decoded(symbols.size());
        try {
            sparse_decode<std::uint8_t>(broken, decoded);
        } catch (const error&) {
            ++refused;
        }
    }
    CHECK(refused > 2000);
}
