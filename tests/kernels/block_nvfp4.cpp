// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_nvfp4.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace lowbit;

TEST_CASE("golden: NVFP4 bit for bit") {
    const auto x = load<float>("formats/in_gauss.npy");
    const float scale = nvfp4_tensor_scale(detail::largest_magnitude(x.data(), x.size()));
    CHECK(scale == load<float>("formats/own_nvfp4_gauss.tensor_scale.npy")[0]);
    std::vector<std::uint8_t> codes(2048), scales(256);
    quantize_nvfp4(x.data(), x.size(), scale, 16, false, nullptr, codes.data(), scales.data());
    const auto expected_scales = load<std::uint8_t>("formats/own_nvfp4_gauss.scale_e4m3.npy");
    const auto expected_codes = load<std::uint8_t>("formats/own_nvfp4_gauss.code.npy");
    const auto expected = load<float>("formats/own_nvfp4_gauss.deq.npy");
    std::vector<float> y(4096);
    dequantize_nvfp4(codes.data(), scales.data(), 4096, scale, 16, y.data());
    for (std::size_t b = 0; b < 256; ++b) REQUIRE(int(scales[b]) == int(expected_scales.data()[b]));
    for (std::ptrdiff_t i = 0; i < 4096; ++i) {
        REQUIRE(int(packed_code<std::uint32_t>(codes.data(), i, 4)) == int(expected_codes[i]));
        REQUIRE(y[static_cast<std::size_t>(i)] == expected[i]);
    }
}

TEST_CASE("zeros, a zero block beside others, tiny tensors") {
    std::vector<float> x(48, 0.0f), y(48, 1.0f);
    std::vector<std::uint8_t> codes(24), scales(3);
    quantize_nvfp4(x.data(), 48, nvfp4_tensor_scale(0.0f), 16, false, nullptr, codes.data(), scales.data());
    dequantize_nvfp4(codes.data(), scales.data(), 48, nvfp4_tensor_scale(0.0f), 16, y.data());
    for (const float v : y) CHECK(v == 0.0f);

    x[20] = 5.0f;
    const float scale = nvfp4_tensor_scale(5.0f);
    quantize_nvfp4(x.data(), 48, scale, 16, false, nullptr, codes.data(), scales.data());
    CHECK(int(scales[0]) == int(float8_e4m3(1.0f).to_bits()));
    CHECK(int(scales[1]) == int(float8_e4m3(448.0f).to_bits()));
    dequantize_nvfp4(codes.data(), scales.data(), 48, scale, 16, y.data());
    CHECK(y[20] == Approx(5.0f));
    CHECK(y[0] == 0.0f);
    CHECK(is_finite(1.0f / (nvfp4_tensor_scale(1e-45f) * static_cast<float>(float8_e4m3::min_subnormal()))));
}

TEST_CASE("the search is never worse, short last block") {
    const auto x = load<float>("formats/in_gauss.npy");
    const std::ptrdiff_t n = 1003;
    const float scale = nvfp4_tensor_scale(detail::largest_magnitude(x.data(), n));
    std::vector<std::uint8_t> codes(502), scales(63);
    std::vector<float> plain(1003), searched(1003);
    quantize_nvfp4(x.data(), n, scale, 16, false, nullptr, codes.data(), scales.data());
    dequantize_nvfp4(codes.data(), scales.data(), n, scale, 16, plain.data());
    quantize_nvfp4(x.data(), n, scale, 16, true, nullptr, codes.data(), scales.data());
    dequantize_nvfp4(codes.data(), scales.data(), n, scale, 16, searched.data());
    double total_plain = 0, total_searched = 0;
    for (std::size_t b = 0; b < 1003; b += 16) {
        double a = 0, c = 0;
        for (std::size_t i = b; i < std::min<std::size_t>(b + 16, 1003); ++i) {
            const double value = x.data()[i];
            a += (value - plain[i]) * (value - plain[i]);
            c += (value - searched[i]) * (value - searched[i]);
        }
        REQUIRE(c <= a * (1 + 1e-6));
        total_plain += a;
        total_searched += c;
    }
    CHECK(total_searched < 0.9 * total_plain);
}

TEST_CASE("block_nvfp4: every instruction set writes the same bytes") {
    for (const std::ptrdiff_t block : {16, 32}) {
        for (std::uint32_t seed = 0; seed < 12; ++seed) {
            const auto all = awkward_blocks(4200, seed, false);
            auto importance = awkward_floats(4200, seed + 50, 1e-6f, false);
            for (float& w : importance) w = std::abs(w);
            for (const std::ptrdiff_t n : awkward_sizes) {
                CAPTURE(block, seed, n);
                const bool search = n % 4 == 1;
                const float* const weights = seed % 2 ? importance.data() : nullptr;
                const float* x = all.data() + seed;
                // The tensor's own scale, and ones that are far from it.
                const float amax = detail::largest_magnitude(x, n);
                const float scale = seed % 3 == 0 ? nvfp4_tensor_scale(amax) : seed % 3 == 1 ? 0.001f : 0x1p-117f;
                const bool aligned = (n + seed) % 2 == 0;
                const caching how = n % 3 ? caching::bypass : caching::keep;
                same_on_every_isa([&] {
                    std::vector<std::uint8_t> written;
                    guarded<std::uint8_t> codes((n + 1) / 2, aligned), scales(ceil_div(n, block), true);
                    guarded<float> values(n, aligned);
                    quantize_nvfp4(x, n, scale, block, search, weights, codes.data(), scales.data(), how);
                    codes.append_to(written);
                    scales.append_to(written);
                    random_bits random(seed);
                    for (std::ptrdiff_t i = 0; i < n / 2; i += 5) codes.data()[i] = static_cast<std::uint8_t>(random());
                    for (std::ptrdiff_t i = 0; i < n / block; i += 4) {
                        scales.data()[i] = static_cast<std::uint8_t>(seed % 2 ? random() : random(127));
                    }
                    dequantize_nvfp4(codes.data(), scales.data(), n, scale, block, values.data(), how);
                    finish_stores(how);
                    values.append_to(written);
                    return written;
                });
            }
        }
    }
}

TEST_CASE("quotients beside the ties of E2M1, on every instruction set") {
    random_bits random(3);
    const float ties_of_e2m1[] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f};
    for (int round = 0; round < 400; ++round) {
        const float tensor_scale =
            std::ldexp(1.0f + static_cast<float>(random(1u << 23)) * 0x1p-23f, static_cast<int>(random(20)) - 10);
        // The largest of a block decides its scale; the others are at and beside ties of quotients with its step.
        std::vector<float> x(64 * 16);
        for (std::size_t first = 0; first < x.size(); first += 16) {
            const auto scale = static_cast<std::uint8_t>(8 + random(0x7e - 8));
            const float step = detail::nvfp4_step(scale, tensor_scale);
            x[first] = 6.0f * step;
            for (std::size_t i = 1; i < 16; ++i) {
                float y = ties_of_e2m1[random(7)] * step;
                for (std::uint32_t k = random(4); k-- > 0;) y = std::nextafter(y, random(2) ? 1e30f : -1e30f);
                x[first + i] = random(2) ? y : -y;
            }
        }
        same_on_every_isa([&] {
            std::vector<std::uint8_t> codes(512), scales(64);
            quantize_nvfp4(x.data(), 1024, tensor_scale, 16, false, nullptr, codes.data(), scales.data());
            codes.insert(codes.end(), scales.begin(), scales.end());
            return codes;
        });
    }
}
