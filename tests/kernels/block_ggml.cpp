// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/block_ggml.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

namespace {

constexpr ggml_type types[] = {ggml_type::q4_0, ggml_type::q4_1,   ggml_type::q8_0,  ggml_type::q4_k,
                               ggml_type::q6_k, ggml_type::iq4_nl, ggml_type::mx_fp4};
constexpr const char* names[] = {"q4_0", "q4_1", "q8_0", "q4_K", "q6_K", "iq4_nl", "mxfp4"};

std::vector<std::uint8_t> quantize(const float* x, std::ptrdiff_t n, ggml_type type, bool search = false,
                                   const float* importance = nullptr) {
    std::vector<std::uint8_t> blocks(
        static_cast<std::size_t>(ceil_div(n, ggml_block_size(type)) * ggml_block_bytes(type)));
    quantize_ggml(x, n, type, search, importance, blocks.data());
    return blocks;
}

std::vector<float> dequantize(const std::uint8_t* blocks, std::ptrdiff_t n, ggml_type type) {
    std::vector<float> x(static_cast<std::size_t>(n));
    dequantize_ggml(blocks, n, type, x.data());
    return x;
}

double noise(const float* x, const float* y, std::ptrdiff_t n) {
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
    return sum;
}

}  // namespace

TEST_CASE("golden: all layouts decode exactly; q4_0, q4_1, q8_0 and mxfp4 are encoded to the same bytes") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (std::size_t k = 0; k < std::size(types); ++k) {
        const std::string stem = "formats/ggml_gauss_" + std::string(names[k]);
        CAPTURE(stem);
        const auto blocks = load<std::uint8_t>(stem + ".blocks.npy");
        const auto values = load<float>(stem + ".deq.npy");
        const auto y = dequantize(blocks.data(), 4096, types[k]);
        for (std::ptrdiff_t i = 0; i < 4096; ++i) {
            CAPTURE(i);
            REQUIRE(y[static_cast<std::size_t>(i)] == values[i]);
        }
        const auto own = quantize(x.data(), 4096, types[k]);
        REQUIRE(static_cast<std::ptrdiff_t>(own.size()) == blocks.size());
        if (k < 3 || types[k] == ggml_type::mx_fp4) {
            for (std::size_t i = 0; i < own.size(); ++i) {
                CAPTURE(i);
                REQUIRE(int(own[i]) == int(blocks.data()[i]));
            }
        } else {
            CHECK(noise(x.data(), dequantize(own.data(), 4096, types[k]).data(), 4096) <=
                  noise(x.data(), values.data(), 4096));
        }
    }
}

TEST_CASE("codes are what the values are made of") {
    const auto x = load<float>("formats/in_gauss.npy");
    std::vector<std::uint8_t> codes(512);
    const auto q4 = quantize(x.data(), 512, ggml_type::q4_0);
    ggml_codes(q4.data(), 512, ggml_type::q4_0, codes.data());
    const auto y = dequantize(q4.data(), 512, ggml_type::q4_0);
    const float d = static_cast<float>(float16::from_bits(static_cast<std::uint32_t>(q4[0] | q4[1] << 8)));
    for (std::size_t i = 0; i < 32; ++i) CHECK(y[i] == d * static_cast<float>(codes[i] - 8));
    CHECK(codes[0] == (q4[2] & 15));
    CHECK(codes[16] == q4[2] >> 4);
    for (const ggml_type type : types) {
        const auto blocks = quantize(x.data(), 512, type);
        ggml_codes(blocks.data(), 512, type, codes.data());
        const int limit = type == ggml_type::q8_0 ? 255 : type == ggml_type::q6_k ? 63 : 15;
        int largest = 0;
        for (const std::uint8_t code : codes) largest = std::max<int>(largest, code);
        CHECK(largest <= limit);
        CHECK(largest >= limit - 1);
    }
}

TEST_CASE("zeros") {
    const std::vector<float> zeros(256, 0.0f);
    const auto q4 = quantize(zeros.data(), 32, ggml_type::q4_0);
    CHECK(q4[0] == 0x00);
    CHECK(q4[1] == 0x80);  // d = −0, as ggml writes it
    CHECK(q4[2] == 0x88);
    for (const ggml_type type : types) {
        for (const bool search : {false, true}) {
            const auto blocks = quantize(zeros.data(), 256, type, search);
            for (const float y : dequantize(blocks.data(), 256, type)) CHECK(y == 0.0f);
        }
    }
}

TEST_CASE("values far below float16 become zeros, not garbage") {
    for (const ggml_type type : types) {
        if (type == ggml_type::mx_fp4) continue;
        for (const float tiny : {1e-45f, 1e-39f, 1e-37f, 1e-30f, 1e-10f}) {
            std::vector<float> x(256, tiny);
            for (std::size_t i = 0; i < 256; i += 3) x[i] = -tiny;
            for (const bool search : {false, true}) {
                const auto blocks = quantize(x.data(), 256, type, search);
                for (const float y : dequantize(blocks.data(), 256, type)) REQUIRE(std::abs(y) <= 16e-10f);
            }
        }
    }
}

TEST_CASE("a constant, a sign, a single value: within the format's step") {
    for (const ggml_type type : types) {
        for (const float c : {1.0f, -1.0f, 0.37f, -250.0f}) {
            const std::vector<float> same(256, c);
            std::vector<float> single(256, 0.0f);
            single[77] = c;
            for (const bool search : {false, true}) {
                for (const auto& x : {same, single}) {
                    const auto blocks = quantize(x.data(), 256, type, search);
                    const auto y = dequantize(blocks.data(), 256, type);
                    CAPTURE(names[static_cast<std::size_t>(type)], c, search);
                    for (std::size_t i = 0; i < 256; ++i) REQUIRE(std::abs(y[i] - x[i]) <= std::abs(c) * 0.26f);
                }
            }
        }
    }
}

TEST_CASE("the search lowers the error; weights count") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const ggml_type type : types) {
        CAPTURE(names[static_cast<std::size_t>(type)]);
        const auto plain = quantize(x.data(), 4096, type), search = quantize(x.data(), 4096, type, true);
        CHECK(noise(x.data(), dequantize(search.data(), 4096, type).data(), 4096) <=
              noise(x.data(), dequantize(plain.data(), 4096, type).data(), 4096));
        std::vector<float> weights(4096, 1.0f);
        for (std::size_t i = 0; i < 4096; i += 4) weights[i] = 1000.0f;
        const auto weighted = quantize(x.data(), 4096, type, true, weights.data());
        const auto heavy = [&](const std::vector<std::uint8_t>& blocks) {
            const auto y = dequantize(blocks.data(), 4096, type);
            double sum = 0;
            for (std::size_t i = 0; i < 4096; i += 4) sum += noise(x.data() + i, y.data() + i, 1);
            return sum;
        };
        CHECK(heavy(weighted) < heavy(search));
    }
}

TEST_CASE("a short last block is encoded as if zeros followed") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const ggml_type type : types) {
        std::vector<float> padded(512, 0.0f);
        std::copy_n(x.data(), 300, padded.data());
        const auto blocks = quantize(x.data(), 300, type);
        auto expected = quantize(padded.data(), 512, type);
        expected.resize(blocks.size());
        CHECK(blocks == expected);
        const auto y = dequantize(blocks.data(), 300, type), whole = dequantize(expected.data(), 300, type);
        CHECK(y == whole);
    }
}

TEST_CASE("block_ggml: every instruction set writes the same bytes") {
    for (const ggml_type type : types) {
        const bool searches = type == ggml_type::q4_k || type == ggml_type::q6_k || type == ggml_type::iq4_nl;
        for (std::uint32_t seed = 0; seed < (searches ? 4u : 10u); ++seed) {
            const auto all = awkward_blocks(4200, seed, false);
            auto importance = awkward_floats(4200, seed + 50, 1e-6f, false);
            for (float& w : importance) w = std::abs(w);
            for (const std::ptrdiff_t n : awkward_sizes) {
                // Searches take their time: all of them at a few sizes.
                const bool search = n % 7 == 0 && (!searches || n < 1100);
                const float* const weights = n % 2 ? importance.data() : nullptr;
                if (searches && n > 1100 && n % 5 != 0) continue;
                CAPTURE(int(type), seed, n, search);
                const bool aligned = (n + seed) % 2 == 0;
                const caching how = n % 3 ? caching::bypass : caching::keep;
                const std::ptrdiff_t bytes = ceil_div(n, ggml_block_size(type)) * ggml_block_bytes(type);
                same_on_every_isa([&] {
                    std::vector<std::uint8_t> written;
                    guarded<std::uint8_t> blocks(bytes, aligned);
                    guarded<float> values(n, aligned);
                    quantize_ggml(all.data() + seed, n, type, search, weights, blocks.data());
                    blocks.append_to(written);
                    random_bits random(seed);
                    for (std::ptrdiff_t i = 0; i < bytes; i += 7)
                        blocks.data()[i] = static_cast<std::uint8_t>(random());
                    dequantize_ggml(blocks.data(), n, type, values.data(), how);
                    finish_stores(how);
                    values.append_to(written);
                    return written;
                });
            }
        }
    }
}
