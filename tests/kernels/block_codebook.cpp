// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_codebook.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

namespace {

constexpr codebook_levels nf4{-1.0f,
                              -0.6961928009986877f,
                              -0.5250730514526367f,
                              -0.39491748809814453f,
                              -0.28444138169288635f,
                              -0.18477343022823334f,
                              -0.09105003625154495f,
                              0.0f,
                              0.07958029955625534f,
                              0.16093020141124725f,
                              0.24611230194568634f,
                              0.33791524171829224f,
                              0.44070982933044434f,
                              0.5626170039176941f,
                              0.7229568362236023f,
                              1.0f};
constexpr codebook_levels fp4{0.0f,  1.0f / 192,  2.0f / 3,  1.0f,  1.0f / 3,  0.5f,  1.0f / 6,  0.25f,
                              -0.0f, -1.0f / 192, -2.0f / 3, -1.0f, -1.0f / 3, -0.5f, -1.0f / 6, -0.25f};

}  // namespace

TEST_CASE("golden: NF4 and FP4 of bitsandbytes, codes, scales and values bit for bit") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const std::string name : {"nf4", "fp4"}) {
        const codebook_table table = make_codebook_table(name == "nf4" ? nf4 : fp4);
        const std::string stem = "formats/bnb_gauss_" + name + "_b64";
        CAPTURE(name);
        std::vector<float> scales(64), y(4096);
        std::vector<std::uint8_t> codes(2048);
        codebook_scales(x.data(), 4096, 64, table.top, scales.data());
        quantize_codebook(x.data(), 4096, 64, table, scales.data(), codes.data());
        dequantize_codebook(codes.data(), 4096, 64, table.levels, scales.data(), y.data());
        const auto absmax = load<float>(stem + ".absmax.npy"), values = load<float>(stem + ".deq.npy");
        const auto expected = load<int>(stem + ".code.npy");
        for (std::size_t b = 0; b < 64; ++b) REQUIRE(scales[b] == absmax.data()[b]);
        for (std::ptrdiff_t i = 0; i < 4096; ++i) {
            CAPTURE(i, x[i]);
            REQUIRE(packed_code<std::int32_t>(codes.data(), i, 4) ==
                    (expected[i] < 8 ? expected[i] : expected[i] - 16));
            REQUIRE(y[static_cast<std::size_t>(i)] == values[i]);
        }
    }
}

TEST_CASE("the nearest level, ties to the lower, by trying all") {
    for (const codebook_levels& levels :
         {nf4, fp4, codebook_levels{3, -1, 2, 7, 5, -8, 0, 1, 4, 6, -2, -3, -4, -5, -6, -7}}) {
        const codebook_table table = make_codebook_table(levels);
        const bool mirrored = levels[9] == -levels[1];
        for (int k = -9000; k <= 9000; ++k) {
            const double y = k / 1024.0;
            double best = 1e9, value = 0;
            for (const float level : levels) {
                const double l = level, distance = std::abs(y - l);
                const bool tie = mirrored ? std::abs(l) < std::abs(value) : l < value;
                if (distance < best || (distance == best && tie)) {
                    best = distance;
                    value = l;
                }
            }
            CAPTURE(y);
            REQUIRE(static_cast<double>(levels[table.nearest(static_cast<float>(y))]) == value);
        }
    }
    const codebook_table table = make_codebook_table(fp4);
    CHECK(int(table.nearest(-0.001f)) == 8);
    CHECK(int(table.nearest(-0.0f)) == 0);
    CHECK(int(table.nearest(0.001f)) == 0);
}

TEST_CASE("zeros and scales without a reciprocal give the code of 0") {
    const codebook_table table = make_codebook_table(nf4);
    const std::vector<float> x{0.0f, 1e-45f, -1e-45f, 0.0f};
    float scale = 0;
    std::uint8_t codes[2];
    codebook_scales(x.data(), 4, 64, table.top, &scale);
    quantize_codebook(x.data(), 4, 64, table, &scale, codes);
    CHECK(codes[0] == 0x77);
    CHECK(codes[1] == 0x77);
    codebook_best_scales(x.data(), 4, 64, table, nullptr, &scale);
    CHECK(scale == 1e-45f);
}

TEST_CASE("the search lowers the error of every block, and heeds weights") {
    const auto x = load<float>("formats/in_gauss.npy");
    const codebook_table table = make_codebook_table(nf4);
    const std::ptrdiff_t n = 4096 - 7;
    std::vector<float> standard(64), best(64), plain(4096), searched(4096);
    std::vector<std::uint8_t> codes(2048);
    codebook_scales(x.data(), n, 64, table.top, standard.data());
    quantize_codebook(x.data(), n, 64, table, standard.data(), codes.data());
    dequantize_codebook(codes.data(), n, 64, table.levels, standard.data(), plain.data());
    codebook_best_scales(x.data(), n, 64, table, nullptr, best.data());
    quantize_codebook(x.data(), n, 64, table, best.data(), codes.data());
    dequantize_codebook(codes.data(), n, 64, table.levels, best.data(), searched.data());
    for (std::ptrdiff_t first = 0; first < n; first += 64) {
        double a = 0, b = 0;
        for (std::ptrdiff_t i = first; i < std::min(first + 64, n); ++i) {
            const double value = x[i];
            a += std::pow(value - plain[static_cast<std::size_t>(i)], 2);
            b += std::pow(value - searched[static_cast<std::size_t>(i)], 2);
        }
        REQUIRE(b <= a * (1 + 1e-6));
    }
    // One heavy value: it is matched, the others follow.
    std::vector<float> weights(64, 1e-6f);
    weights[5] = 1.0f;
    float scale = 0;
    codebook_best_scales(x.data(), 64, 64, table, weights.data(), &scale);
    quantize_codebook(x.data(), 64, 64, table, &scale, codes.data());
    dequantize_codebook(codes.data(), 64, 64, table.levels, &scale, searched.data());
    CHECK(std::abs(searched[5] - x[5]) < 1e-4f * std::abs(x[5]));
}

TEST_CASE("block_codebook: every instruction set writes the same bytes") {
    for (const codebook_levels& levels : {nf4, fp4}) {
        const codebook_table table = make_codebook_table(levels);
        for (const std::ptrdiff_t block : {16, 32, 48, 64, 100}) {
            for (std::uint32_t seed = 0; seed < 6; ++seed) {
                const auto all = awkward_blocks(4200, seed, false);
                for (const std::ptrdiff_t n : awkward_sizes) {
                    CAPTURE(block, seed, n);
                    const bool aligned = (n + seed) % 2 == 0;
                    const caching how = n % 3 ? caching::bypass : caching::keep;
                    same_on_every_isa([&] {
                        std::vector<std::uint8_t> written;
                        guarded<std::uint8_t> codes((n + 1) / 2, aligned);
                        guarded<float> scales(ceil_div(n, block), true), values(n, aligned);
                        codebook_scales(all.data() + seed, n, block, table.top, scales.data());
                        if (n > block) scales.data()[1] *= -1;
                        quantize_codebook(all.data() + seed, n, block, table, scales.data(), codes.data(), how);
                        codes.append_to(written);
                        scales.append_to(written);
                        random_bits random(seed);
                        for (std::ptrdiff_t i = 0; i < n / 2; i += 5)
                            codes.data()[i] = static_cast<std::uint8_t>(random());
                        dequantize_codebook(codes.data(), n, block, levels, scales.data(), values.data(), how);
                        finish_stores(how);
                        values.append_to(written);
                        return written;
                    });
                }
            }
        }
    }
}

TEST_CASE("every instruction set finds the same scales") {
    constexpr codebook_levels large{-127e20f, -104e20f, -83e20f, -65e20f, -49e20f, -35e20f, -22e20f, -10e20f,
                                    1e20f,    13e20f,   25e20f,  38e20f,  53e20f,  69e20f,  89e20f,  113e20f};
    for (const codebook_levels& levels : {nf4, fp4, large}) {
        const codebook_table table = make_codebook_table(levels);
        for (const std::ptrdiff_t block : {16, 33, 64, 300}) {
            for (std::uint32_t seed = 0; seed < 3; ++seed) {
                const auto all = awkward_blocks(2200, seed, false);
                auto importance = awkward_floats(2200, seed + 50, 1e-6f, false);
                for (float& w : importance) w = std::abs(w);
                for (const std::ptrdiff_t n : {1, 64, 1024, 1031, 2100}) {
                    CAPTURE(block, seed, n);
                    same_on_every_isa([&] {
                        std::vector<std::uint8_t> written;
                        guarded<float> scales(ceil_div(n, block), true);
                        const float* const weights = n % 2 ? importance.data() : nullptr;
                        codebook_best_scales(all.data() + seed, n, block, table, weights, scales.data());
                        scales.append_to(written);
                        return written;
                    });
                }
            }
        }
    }
}

TEST_CASE("thresholds: both sides of each, on every instruction set") {
    for (const codebook_levels& levels : {nf4, fp4}) {
        const codebook_table table = make_codebook_table(levels);
        std::vector<float> x;
        for (const float t : table.thresholds) {
            for (const float y : {std::nextafter(t, -2.0f), t, std::nextafter(t, 2.0f)}) x.push_back(y);
        }
        x.resize(64, 0.0f);
        const float one = 1.0f;
        same_on_every_isa([&] {
            std::vector<std::uint8_t> codes(32);
            quantize_codebook(x.data(), 64, 64, table, &one, codes.data());
            return codes;
        });
        for (std::size_t i = 0; i < 64; ++i) {
            std::uint8_t code[32];
            quantize_codebook(x.data(), 64, 64, table, &one, code);
            REQUIRE(int(packed_code<std::uint32_t>(code, static_cast<std::ptrdiff_t>(i), 4)) ==
                    int(table.nearest(x[i])));
        }
    }
}

TEST_CASE("values around the steps that a threshold is in, on every instruction set") {
    codebook_levels integers;
    for (std::size_t i = 0; i < 16; ++i) integers[i] = static_cast<float>(i) - 8.0f;
    random_bits random(5);
    for (const codebook_levels& levels : {nf4, integers}) {
        const codebook_table table = make_codebook_table(levels);
        REQUIRE(table.steps > 0);
        for (int round = 0; round < 300; ++round) {
            const float scale = std::ldexp(1.0f + static_cast<float>(random(1u << 23)) * 0x1p-23f, round % 200 - 100);
            std::vector<float> x(1024);
            for (float& value : x) {
                const float steps = static_cast<float>(static_cast<int>(random(65)) - 32) / 16;
                value = (table.thresholds[random(15)] + steps / table.steps) * scale;
                if (random(64) == 0) value = std::ldexp(value, static_cast<int>(random(20)));  // beyond the range
            }
            const std::vector<float> scales(64, scale);
            same_on_every_isa([&] {
                std::vector<std::uint8_t> codes(512);
                quantize_codebook(x.data(), 1024, 16, table, scales.data(), codes.data());
                return codes;
            });
        }
    }
}
