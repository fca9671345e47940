// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_vsq.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

TEST_CASE("golden: VS-Quant in both orders (made in float64: at most one code in a thousand off, by one)") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const int n : {3, 4, 6, 8}) {
        for (const int m : {4, 6, 8}) {
            for (const char order : {'A', 'B'}) {
                const vsq_format format{
                    .bits = n, .scale_bits = m, .order = order == 'A' ? vsq_order::a : vsq_order::b};
                const std::string stem =
                    "formats/own_vsq_gauss_N" + std::to_string(n) + "_M" + std::to_string(m) + "_V16_ch256_" + order;
                CAPTURE(stem);
                const auto q = load<std::int8_t>(stem + ".q.npy");
                const auto sq = load<std::uint16_t>(stem + ".sq.npy");
                const auto gammas = load<double>(stem + ".gamma.npy");
                const auto values = load<double>(stem + ".deq.npy");
                std::ptrdiff_t off = 0, scales_off = 0;
                for (std::ptrdiff_t channel = 0; channel < 16; ++channel) {
                    const float* channel_x = x.data() + 256 * channel;
                    const float gamma = vsq_gamma(vsq_amax(channel_x, 256, true), format);
                    REQUIRE(static_cast<double>(gamma) == Approx(gammas[channel]).epsilon(3e-7));
                    std::uint8_t codes[256], scales[16];
                    float y[256];
                    quantize_vsq(channel_x, 256, gamma, format, codes, scales);
                    dequantize_vsq(codes, scales, 256, gamma, format, y);
                    for (std::ptrdiff_t i = 0; i < 256; ++i) {
                        const int code = packed_code<std::int32_t>(codes, i, n), expected = q[256 * channel + i];
                        REQUIRE(std::abs(code - expected) <= 1);
                        off += code != expected;
                        if (code == expected) {
                            REQUIRE(static_cast<double>(y[i]) == Approx(values[256 * channel + i]).epsilon(1e-6));
                        }
                    }
                    for (std::ptrdiff_t v = 0; v < 16; ++v) {
                        const auto code = packed_code<std::uint32_t>(scales, v, m);
                        scales_off += code != sq[16 * channel + v];
                    }
                }
                CHECK(off <= 4);  // 0.1 %
                CHECK(scales_off == 0);
            }
        }
    }
}

TEST_CASE("unsigned elements use all codes; negative values become 0") {
    std::vector<float> x(16);
    for (std::size_t i = 0; i < 16; ++i) x[i] = static_cast<float>(i) - 0.25f;
    const vsq_format format{.is_signed = false};
    CHECK(format.highest() == 15);
    const float gamma = vsq_gamma(vsq_amax(x.data(), 16, false), format);
    std::uint8_t codes[8], scales[1];
    quantize_vsq(x.data(), 16, gamma, format, codes, scales);
    CHECK(packed_code<std::uint32_t>(codes, 0, 4) == 0);
    CHECK(packed_code<std::uint32_t>(codes, 15, 4) == 15);
    float y[16];
    dequantize_vsq(codes, scales, 16, gamma, format, y);
    CHECK(y[15] == Approx(14.75f));
}

TEST_CASE("zeros, tiny values, a vector far below the others") {
    const vsq_format format;
    const std::vector<float> zeros(40, 0.0f);
    CHECK(vsq_gamma(0.0f, format) == 1.0f);
    std::uint8_t codes[20] = {}, scales[2] = {};
    quantize_vsq(zeros.data(), 40, 1.0f, format, codes, scales);
    for (const std::uint8_t code : codes) CHECK(code == 0);

    std::vector<float> tiny(16, 1e-44f);
    const float gamma = vsq_gamma(1e-44f, format);
    CHECK(gamma == 0x1p-126f);
    quantize_vsq(tiny.data(), 16, gamma, format, codes, scales);
    float y[32];
    dequantize_vsq(codes, scales, 16, gamma, format, y);
    for (int i = 0; i < 16; ++i) CHECK(y[i] == 0.0f);

    for (const vsq_order order : {vsq_order::a, vsq_order::b}) {
        std::vector<float> x(32, 1e-6f);
        x[3] = 1.0f;
        vsq_format both = format;
        both.order = order;
        const float large = vsq_gamma(1.0f, both);
        quantize_vsq(x.data(), 32, large, both, codes, scales);
        dequantize_vsq(codes, scales, 32, large, both, y);
        CHECK(y[3] == Approx(1.0f));
        for (int i = 16; i < 32; ++i) CHECK(y[i] == 0.0f);
    }
}

TEST_CASE("a short last vector, and any length of vector") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const std::ptrdiff_t vector : {1, 7, 16, 64}) {
        const vsq_format format{.bits = 5, .scale_bits = 6, .vector = vector};
        const float gamma = vsq_gamma(vsq_amax(x.data(), 100, true), format);
        std::uint8_t codes[63] = {}, scales[75] = {};
        quantize_vsq(x.data(), 100, gamma, format, codes, scales);
        float y[100];
        dequantize_vsq(codes, scales, 100, gamma, format, y);
        for (int i = 0; i < 100; ++i) CHECK(std::abs(y[i] - x[i]) < 0.15f);
    }
}

TEST_CASE("block_vsq: every instruction set writes the same bytes") {
    std::vector<vsq_format> formats;
    for (const int bits : {2, 3, 4, 6, 8}) {
        for (const int scale_bits : {1, 3, 4, 6, 8, 10}) {
            formats.push_back({.bits = bits, .scale_bits = scale_bits});
            formats.push_back({.bits = bits, .scale_bits = scale_bits, .order = vsq_order::a});
        }
    }
    formats.push_back({.vector = 32});
    formats.push_back({.is_signed = false});
    for (const vsq_format& format : formats) {
        for (std::uint32_t seed = 0; seed < 4; ++seed) {
            const auto all = awkward_blocks(4200, seed, false);
            for (const std::ptrdiff_t n : awkward_sizes) {
                CAPTURE(format.bits, format.scale_bits, int(format.order), seed, n);
                const float* x = all.data() + seed;
                // γ of the data, and one that is far too small.
                const float gamma = seed < 3 ? vsq_gamma(vsq_amax(x, n, format.is_signed), format) : 1e-3f;
                const bool aligned = (n + seed) % 2 == 0;
                const caching how = n % 3 ? caching::bypass : caching::keep;
                const std::ptrdiff_t bytes = packed_bytes(n, format.bits);
                const std::ptrdiff_t scale_bytes = packed_bytes(ceil_div(n, format.vector), format.scale_bits);
                same_on_every_isa([&] {
                    std::vector<std::uint8_t> written;
                    guarded<std::uint8_t> codes(bytes, aligned), scales(scale_bytes, true);
                    guarded<float> values(n, aligned);
                    quantize_vsq(x, n, gamma, format, codes.data(), scales.data(), how);
                    codes.append_to(written);
                    scales.append_to(written);
                    random_bits random(seed);
                    for (std::ptrdiff_t i = 0; i < bytes; i += 5) codes.data()[i] = static_cast<std::uint8_t>(random());
                    for (std::ptrdiff_t i = 0; i < scale_bytes; i += 4)
                        scales.data()[i] = static_cast<std::uint8_t>(random());
                    dequantize_vsq(codes.data(), scales.data(), n, gamma, format, values.data(), how);
                    finish_stores(how);
                    values.append_to(written);
                    return written;
                });
            }
        }
    }
}
