// SPDX-License-Identifier: Apache-2.0
// tests/kernels/block_ggml.cpp holds these layouts to the bytes of ggml itself.
#include <lowbit/kernels/ggml_blocks_of_256.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lowbit;

TEST_CASE("q4_k: eight pairs of six bits in twelve bytes") {
    using namespace lowbit::detail;
    std::uint8_t packed[12] = {};
    for (int j = 0; j < 8; ++j) ggml_q4_k::store_pair(j, {(j * 37 + 5) % 64, (j * 23 + 50) % 64}, packed);
    for (int j = 0; j < 8; ++j) {
        CHECK(ggml_q4_k::load_pair(j, packed).scale == (j * 37 + 5) % 64);
        CHECK(ggml_q4_k::load_pair(j, packed).minimum == (j * 23 + 50) % 64);
    }
    CHECK((packed[0] & 63) == 5);
    CHECK((packed[4] & 63) == 50);
}

TEST_CASE("q4_k: d and dmin from the largest, never below 0") {
    using namespace lowbit::detail;
    std::uint8_t block[144];
    const float scales[] = {1, 63, 2, 3, 4, 5, 6, 7}, minima[] = {-1, -2, -3, -4, -5, -6, -7, -8};
    std::fill_n(block, 144, std::uint8_t{255});
    const auto steps = ggml_q4_k::store_steps(scales, minima, block);
    CHECK(steps.scale == 1);
    CHECK(steps.minimum == 0);
    CHECK(load_float16(block) == 1);
    CHECK(std::count(block + 4, block + 16, 0) == 12);
}

TEST_CASE("what a block can hold comes back, and codes are unpacked where they were packed") {
    using namespace lowbit::detail;
    float x[256], y[256];
    std::uint8_t block[210], q[256];
    for (const bool search : {false, true}) {
        for (int i = 0; i < 256; ++i) x[i] = static_cast<float>(i * 7 % 16) * 63 * 0.25f - 63 * 0.5f;
        ggml_q4_k::encode(x, search, nullptr, block);
        ggml_q4_k::codes(block, q);
        ggml_q4_k::decode(block, q, y);
        for (int i = 0; i < 256; ++i) {
            CHECK(y[i] == x[i]);
            CHECK(int(q[i]) == i * 7 % 16);
        }
        for (int i = 0; i < 256; ++i) x[i] = static_cast<float>(i % 16 == 0 ? -32 : i * 11 % 64 - 32) * 128 * 0.25f;
        ggml_q6_k::encode(x, search, nullptr, block);
        ggml_q6_k::codes(block, q);
        ggml_q6_k::decode(block, q, y);
        for (int i = 0; i < 256; ++i) {
            CHECK(y[i] == x[i]);
            CHECK(int(q[i]) == (i % 16 == 0 ? 0 : i * 11 % 64));
        }
    }
}
