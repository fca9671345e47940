// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/huffman.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <random>

using namespace lowbit;

namespace {

template <class Symbol>
std::vector<Symbol> draw(std::mt19937& random, std::size_t n, unsigned alphabet, double skew) {
    std::vector<Symbol> symbols(n);
    for (Symbol& s : symbols)
        s = static_cast<Symbol>(alphabet * std::pow(std::uniform_real_distribution<>(0, 0.999999)(random), skew));
    return symbols;
}

template <class Symbol>
void round_trip(const std::vector<Symbol>& symbols) {
    const auto coded = huffman_encode(std::span(symbols));
    std::vector<Symbol> decoded(symbols.size(), Symbol(77));
    huffman_decode(std::span(coded), std::span(decoded));
    REQUIRE(decoded == symbols);
}

/// The least total of any code lengths ≤ limit with Kraft sum ≤ 1: by dynamic programming over sorted counts.
std::uint64_t best_total(std::vector<std::uint64_t> counts, int limit) {
    // With the counts descending, lengths ascend; state: symbols left and Kraft space left in units of 2^-limit.
    std::sort(counts.rbegin(), counts.rend());
    const std::size_t space = std::size_t{1} << limit;
    std::vector<std::uint64_t> best(space + 1, 0);
    constexpr std::uint64_t never = ~std::uint64_t{0} / 2;
    for (std::size_t i = counts.size(); i-- > 0;) {
        std::vector<std::uint64_t> now(space + 1, never);
        for (std::size_t room = 0; room <= space; ++room) {
            for (int length = 1; length <= limit; ++length) {
                const std::size_t takes = space >> length;
                if (takes <= room && best[room - takes] < never)
                    now[room] = std::min(now[room], best[room - takes] + counts[i] * unsigned(length));
            }
        }
        best = now;
    }
    return best[space];
}

using Catch::Matchers::Contains;

}  // namespace

TEMPLATE_TEST_CASE("huffman: every length and skew comes back", "", std::uint8_t, std::uint16_t) {
    std::mt19937 random(1);
    for (const std::size_t n : {0u, 1u, 2u, 3u, 17u, 1023u, 1024u, 1025u, 1027u, 5000u, 100000u}) {
        for (const unsigned alphabet : {1u, 2u, 3u, 16u, 200u, 256u}) {
            for (const double skew : {1.0, 3.0, 20.0}) round_trip(draw<TestType>(random, n, alphabet, skew));
        }
    }
    if constexpr (sizeof(TestType) == 2) {
        std::vector<TestType> all(4096);
        std::iota(all.begin(), all.end(), TestType{0});
        round_trip(all);
        round_trip(draw<TestType>(random, 50000, 4096, 6));
        CHECK_THROWS_WITH(huffman_encode(std::span<const TestType>(std::vector<TestType>{4096})), Contains("4096"));
    }
}

TEST_CASE("huffman: lengths are the best of at most 12 bits") {
    std::mt19937 random(2);
    for (int round = 0; round < 60; ++round) {
        std::vector<std::uint64_t> counts(2 + random() % 30);
        for (auto& c : counts) c = 1 + (random() >> (random() % 31));
        const auto lengths = huffman_lengths(counts);
        REQUIRE(*std::max_element(lengths.begin(), lengths.end()) <= huffman_longest);
        std::size_t kraft = 0;
        for (const auto length : lengths) kraft += std::size_t{4096} >> length;
        REQUIRE(kraft == 4096);
        REQUIRE(huffman_bits(counts, lengths) == best_total(counts, huffman_longest));
    }
    CHECK(huffman_lengths({}).empty());
    CHECK(huffman_lengths(std::vector<std::uint64_t>{0, 5}) == std::vector<std::uint8_t>{0, 1});
    // Fibonacci counts would want longer codes.
    std::vector<std::uint64_t> fibonacci{1, 1};
    while (fibonacci.size() < 40) fibonacci.push_back(fibonacci.back() + fibonacci[fibonacci.size() - 2]);
    CHECK(huffman_lengths(fibonacci).front() == 12);
    CHECK_THROWS_AS(huffman_lengths(std::vector<std::uint64_t>(4097, 1)), error);
}

TEST_CASE("huffman: near the entropy") {
    std::mt19937 random(3);
    const auto symbols = draw<std::uint8_t>(random, 200000, 16, 2);
    const auto counts = detail::count_symbols(std::span<const std::uint8_t>(symbols));
    double entropy = 0;
    for (const auto c : counts) entropy -= c ? double(c) * std::log2(double(c) / 200000) : 0.0;
    const auto coded = huffman_encode(std::span(symbols));
    CHECK(double(coded.size()) * 8 < 1.02 * entropy + 300);
    CHECK(std::abs(double(coded.size()) - double(huffman_bits(counts, huffman_lengths(counts))) / 8) < 30);
}

TEST_CASE("huffman: what is malformed is refused with the byte") {
    const auto decode = [](std::vector<unsigned> bytes, std::size_t n) {
        std::vector<std::byte> coded;
        for (const unsigned b : bytes) coded.push_back(std::byte(b));
        std::vector<std::uint8_t> symbols(n);
        huffman_decode(std::span<const std::byte>(coded), std::span(symbols));
        return symbols;
    };
    CHECK(decode({1, 0, 0x11, 0b10}, 2) == std::vector<std::uint8_t>{0, 1});
    CHECK(decode({}, 0).empty());
    CHECK(decode({2, 0, 0, 1, 0}, 8) == std::vector<std::uint8_t>(8, 2));
    CHECK_THROWS_WITH(decode({1}, 0), Contains("no symbols"));
    CHECK_THROWS_WITH(decode({1}, 2), Contains("at byte 0 needs 2 bytes"));
    CHECK_THROWS_WITH(decode({1, 1, 0x11}, 2), Contains("do not fit"));
    CHECK_THROWS_WITH(decode({9, 0, 0x11}, 2), Contains("the code lengths"));
    CHECK_THROWS_WITH(decode({1, 0, 0x12, 0}, 2), Contains("fill 3072 of 4096"));
    CHECK_THROWS_WITH(decode({2, 0, 0x11, 1, 0}, 2), Contains("fill 6144 of 4096"));
    CHECK_THROWS_WITH(decode({1, 0, 0, 0}, 2), Contains("fill 0"));
    CHECK_THROWS_WITH(decode({1, 0, 0x1d, 0}, 2), Contains("13 bits"));
    CHECK_THROWS_WITH(decode({2, 0, 0, 1, 1}, 8), Contains("code that is none"));
    CHECK_THROWS_WITH(decode({1, 0, 0x11}, 2), Contains("stream 0 that ends at byte 3"));
    CHECK_THROWS_WITH(decode({1, 0, 0x11, 0, 0}, 2), Contains("stream 0"));
    CHECK_THROWS_WITH(decode({1, 0, 0x11, 4}, 2), Contains("stream 0"));
    CHECK_THROWS_WITH(decode({1, 0, 0x11, 0}, 1024), Contains("size of a stream"));
}

TEST_CASE("huffman: flipped and cut input never leaves its memory") {
    std::mt19937 random(4);
    const auto symbols = draw<std::uint8_t>(random, 4000, 30, 3);
    const auto coded = huffman_encode(std::span(symbols));
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        // Exactly as large as its contents, for the address sanitizer.
        std::vector<std::byte> broken(coded.begin(), coded.begin() + 1 + std::ptrdiff_t(random() % coded.size()));
        broken.shrink_to_fit();
        for (unsigned flips = random() % 4; flips-- > 0;)
            broken[random() % broken.size()] ^= std::byte(1 << random() % 8);
        std::vector<std::uint8_t> decoded(symbols.size());
        try {
            huffman_decode(std::span<const std::byte>(broken), std::span(decoded));
        } catch (const error&) {
            ++refused;
        }
    }
    CHECK(refused > 2000);
}
