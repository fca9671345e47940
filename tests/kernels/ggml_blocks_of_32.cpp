// SPDX-License-Identifier: Apache-2.0
// tests/kernels/block_ggml.cpp holds these layouts to the bytes of ggml itself.
#include <lowbit/kernels/ggml_blocks_of_32.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

using namespace lowbit;

TEST_CASE("float16 is stored low byte first, saturated, and given back") {
    using namespace lowbit::detail;
    std::uint8_t bytes[2];
    CHECK(store_float16(1.0f / 3, bytes) == 0x1.554p-2f);
    CHECK(int(bytes[0]) == 0x55);
    CHECK(int(bytes[1]) == 0x35);
    CHECK(load_float16(bytes) == 0x1.554p-2f);
    CHECK(store_float16(1e9f, bytes) == 65504.0f);
}

TEST_CASE("nibbles: halves go up, ends hold, element j + 16 is above element j") {
    using namespace lowbit::detail;
    CHECK(int(nibble(-9.0f, 8.5f)) == 0);
    CHECK(int(nibble(-8.0f, 8.5f)) == 0);
    CHECK(int(nibble(0.5f, 8.5f)) == 9);
    CHECK(int(nibble(1e30f, 0.5f)) == 15);
    CHECK(int(nibble(-1e30f, 0.5f)) == 0);
    std::uint8_t q[32], bytes[16], back[32];
    for (int i = 0; i < 32; ++i) q[i] = static_cast<std::uint8_t>(i * 7 % 16);
    store_nibbles(q, bytes);
    CHECK(int(bytes[3]) == (q[3] | q[19] << 4));
    load_nibbles(bytes, back);
    CHECK(std::memcmp(q, back, 32) == 0);
}

TEST_CASE("every layout gives back what its codes can hold") {
    using namespace lowbit::detail;
    float x[32], y[32];
    std::uint8_t block[34], q[32];
    const auto there_and_back = [&](auto layout) {
        for (const bool search : {false, true}) {
            layout.encode(x, search, nullptr, block);
            layout.codes(block, q);
            layout.decode(block, q, y);
            for (int i = 0; i < 32; ++i) CHECK(y[i] == x[i]);
        }
    };
    for (int i = 0; i < 32; ++i) x[i] = static_cast<float>(i % 16 - 8) * 0.25f;
    there_and_back(ggml_q4_0{});
    there_and_back(ggml_q4_1{});
    for (int i = 0; i < 32; ++i) x[i] = static_cast<float>(i % 16 == 0 ? 127 : i * 5 - 100) * 0.5f;
    there_and_back(ggml_q8_0{});
    for (int i = 0; i < 32; ++i) x[i] = iq4_nl_levels[static_cast<std::size_t>(i % 16)] * 2;
    there_and_back(ggml_iq4_nl{});
    for (int i = 0; i < 32; ++i) {
        x[i] = 8 * static_cast<float>(float4_e2m1::from_bits(static_cast<std::uint32_t>(i % 16)));
        if (i % 16 == 8) x[i] = 0;  // there is no −0
    }
    there_and_back(ggml_mxfp4{});
}

TEST_CASE("mxfp4: halfway goes toward zero") {
    using namespace lowbit::detail;
    float x[32] = {6.0f, 0.25f, -0.25f, 0.75f, -2.5f, 5.0f, -5.0f, std::nextafter(-5.0f, -6.0f)};
    std::uint8_t block[17], q[32];
    ggml_mxfp4::encode(x, false, nullptr, block);
    ggml_mxfp4::codes(block, q);
    const int expected[] = {7, 0, 0, 1, 12, 6, 14, 15};
    for (int i = 0; i < 8; ++i) CHECK(int(q[i]) == expected[i]);
}
