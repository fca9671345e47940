// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/radix_sort.hpp>
#include <tests/support/two_threads.hpp>

#include <catch2/catch.hpp>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace {

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
    std::vector<std::uint32_t> bits;
    for (const float x : values) bits.push_back(std::bit_cast<std::uint32_t>(x));
    return bits;
}

void check_sorted(std::vector<float> values) {
    std::vector<float> expected = values, workspace(values.size());
    std::sort(expected.begin(), expected.end(),
              [](float a, float b) { return lowbit::order_key(a) < lowbit::order_key(b); });
    lowbit::radix_sort(values.data(), std::ssize(values), workspace.data());
    CHECK(bits_of(values) == bits_of(expected));
    std::shuffle(values.begin(), values.end(), std::mt19937(4));
    const std::vector<float> kept = values;
    std::vector<float> sorted(values.size());
    lowbit::radix_sort(kept.data(), std::ssize(kept), sorted.data(), workspace.data());
    CHECK(bits_of(kept) == bits_of(values));
    CHECK(bits_of(sorted) == bits_of(expected));
}

}  // namespace

TEST_CASE("order keys are ordered as floats are, and come back") {
    const float infinity = std::numeric_limits<float>::infinity();
    const float ascending[] = {-infinity, -3e38f, -1.0f, -1e-45f, -0.0f, 0.0f, 1e-45f, 1.0f, 3e38f, infinity};
    for (std::size_t i = 0; i < std::size(ascending); ++i) {
        CHECK(std::bit_cast<std::uint32_t>(lowbit::from_order_key(lowbit::order_key(ascending[i]))) ==
              std::bit_cast<std::uint32_t>(ascending[i]));
        if (i > 0) CHECK(lowbit::order_key(ascending[i - 1]) < lowbit::order_key(ascending[i]));
    }
}

TEST_CASE("random bits of every length around the switch of methods") {
    std::mt19937 random(1);
    for (const std::size_t n : {0u, 1u, 2u, 100u, 1023u, 1024u, 1025u, 70000u}) {
        std::vector<float> values(n);
        for (float& x : values) x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        check_sorted(values);
    }
}

TEST_CASE("many values: split into parts, whatever their spread, on one thread and on several") {
    std::mt19937 random(5);
    two_threads pool;
    const auto fill = [&](std::vector<float>& values, auto draw) {
        for (float& x : values) x = draw();
    };
    const auto bits = [&](std::uint32_t mask, std::uint32_t set) {
        return
            [&random, mask, set] { return std::bit_cast<float>((static_cast<std::uint32_t>(random()) & mask) | set); };
    };
    std::normal_distribution<float> gaussian;
    for (const std::size_t n : {65536u, 65537u, 600000u}) {
        std::vector<float> values(n), workspace(n), sorted(n);
        for (int kind = 0; kind < 7; ++kind) {
            switch (kind) {
                case 0:
                    fill(values, bits(0xffffffffu, 0));
                    break;  // all keys, NaNs too
                case 1:
                    fill(values, bits(0, 0x3f800000u));
                    break;  // one value
                case 2:
                    fill(values, bits(0x1fu, 0xffffff00u));
                    break;  // the lowest keys
                case 3:
                    fill(values, bits(0x1fu, 0x7fffff00u));
                    break;  // the highest
                case 4:
                    fill(values, [&] { return gaussian(random); });
                    break;
                case 5:
                    fill(values, [&] { return 1000 + gaussian(random); });
                    break;  // few keys far from 0
                default:
                    values[3] = -1e30f;
                    values[n / 2] = 1e30f;
                    break;  // and two outliers
            }
            std::vector<float> expected = values;
            std::sort(expected.begin(), expected.end(),
                      [](float a, float b) { return lowbit::order_key(a) < lowbit::order_key(b); });
            lowbit::radix_sort(values.data(), std::ssize(values), sorted.data(), workspace.data());
            CHECK(bits_of(sorted) == bits_of(expected));
            lowbit::radix_sort(values.data(), std::ssize(values), sorted.data(), workspace.data(), pool);
            CHECK(bits_of(sorted) == bits_of(expected));
            sorted = values;
            lowbit::radix_sort(sorted.data(), std::ssize(sorted), workspace.data(), pool);
            CHECK(bits_of(sorted) == bits_of(expected));
        }
    }
}

TEST_CASE("passes that have nothing to do are skipped") {
    std::mt19937 random(2);
    const std::uint32_t mask = GENERATE(0u, 0x7ffu, 0x3ff800u, 0xffc00000u, 0xffff0000u, 0x7fffffu);
    std::vector<float> values(5000);
    for (float& x : values) x = std::bit_cast<float>(static_cast<std::uint32_t>(random()) & mask);
    check_sorted(values);
}

TEST_CASE("stable on any number of threads: the same order of the weights of equal values") {
    std::mt19937 random(3);
    two_threads pool;
    const std::size_t n = GENERATE(2u, 63u, 64u, 1000u, 1024u, 70000u, 600000u);
    const bool even = GENERATE(true, false);  // or two heavy values, a few of others between them: short parts
    std::vector<lowbit::weighted_value> one(n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto draw = static_cast<int>(random() % 2001);
        const float between = draw < 990 ? 1.0f : draw < 1980 ? 2.0f : 1.5f + static_cast<float>(draw % 3) / 8;
        one[i] = {even ? static_cast<float>(draw - 1000) / 7 : between, static_cast<float>(i)};
    }
    std::vector<lowbit::weighted_value> expected = one, two = one, workspace(one.size());
    std::stable_sort(expected.begin(), expected.end(), [](auto a, auto b) { return a.value < b.value; });
    lowbit::radix_sort(one.data(), std::ssize(one), workspace.data());
    lowbit::radix_sort(two.data(), std::ssize(two), workspace.data(), pool);
    const auto same = [](auto a, auto b) { return a.value == b.value && a.weight == b.weight; };
    CHECK(std::equal(one.begin(), one.end(), expected.begin(), same));
    CHECK(std::equal(two.begin(), two.end(), expected.begin(), same));
}
