// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_microexponent.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

struct microexponent_encoded {
    std::vector<std::uint8_t> codes, exponents, shifts;
};

microexponent_encoded quantize(const std::vector<float>& x, const microexponent_format& format) {
    const auto n = static_cast<std::ptrdiff_t>(x.size());
    microexponent_encoded e{
        std::vector<std::uint8_t>(static_cast<std::size_t>(packed_bytes(n, 1 + format.mantissa_bits))),
        std::vector<std::uint8_t>(static_cast<std::size_t>(ceil_div(n, format.block))),
        std::vector<std::uint8_t>(static_cast<std::size_t>(packed_bytes(format.pairs(n), 1)))};
    quantize_microexponent(x.data(), n, format, e.codes.data(), e.exponents.data(), e.shifts.data());
    return e;
}

std::vector<float> dequantize(const microexponent_encoded& e, const microexponent_format& format, std::size_t n) {
    std::vector<float> x(n);
    dequantize_microexponent(e.codes.data(), e.exponents.data(), e.shifts.data(), static_cast<std::ptrdiff_t>(n),
                             format, x.data());
    return x;
}

std::vector<float> round_trip(const std::vector<float>& x, const microexponent_format& format) {
    return dequantize(quantize(x, format), format, x.size());
}

}  // namespace

TEST_CASE("golden: MX9, MX6, MX4, MSFP16 and MSFP12 bit for bit") {
    struct golden_case {
        const char *name, *suffix;
        int mantissa_bits;
        std::ptrdiff_t pair;
    };
    for (const auto& c :
         {golden_case{"mx9", "_ownsat", 7, 2}, golden_case{"mx6", "_ownsat", 4, 2}, golden_case{"mx4", "_ownsat", 2, 2},
          golden_case{"msfp16", "", 7, 0}, golden_case{"msfp12", "", 3, 0}}) {
        for (const std::string input : {"gauss", "edge"}) {
            for (const std::string rule : {"rne", "rha"}) {
                const std::string stem = std::string(c.name) + "_" + input + "_" + rule + c.suffix;
                CAPTURE(stem);
                const auto x = load<float>("formats/in_" + input + ".npy");
                const auto expected = load<float>("formats/" + stem + ".npy");
                const auto y = round_trip({x.begin(), x.end()}, {.mantissa_bits = c.mantissa_bits,
                                                                 .pair = c.pair,
                                                                 .rule = rule == "rne" ? ties::even : ties::away});
                for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
                    CAPTURE(i, x[i]);
                    REQUIRE(bits(y[static_cast<std::size_t>(i)]) == bits(expected[i]));
                }
            }
        }
    }
}

TEST_CASE("a worked example: MX6, E = 1, one pair shifted") {
    std::vector<float> x(16, 0.0f);
    x[0] = 3.0f;  // E = 1
    x[2] = 0.9f;  // its pair has exponent −1: shifted by one
    x[3] = -0.26f;
    const microexponent_format mx6{.mantissa_bits = 4};
    const auto q = quantize(x, mx6);
    CHECK(q.exponents[0] == 128);
    CHECK(q.shifts[0] == 0b11111110);  // pairs of zeros count as small
    const auto y = dequantize(q, mx6, 16);
    CHECK(y[0] == 3.0f);
    CHECK(y[2] == 0.875f);  // steps of 2^(1 − 1 − 3)
    CHECK(y[3] == -0.25f);
}

TEST_CASE("NaN and infinity make their block NaN") {
    for (const std::ptrdiff_t pair : {2, 0}) {
        for (const float bad : {std::bit_cast<float>(0xffc00000u), INFINITY, -INFINITY}) {
            std::vector<float> x(48, 1.0f);
            x[20] = bad;
            const auto y = round_trip(x, {.pair = pair});
            for (std::size_t i = 0; i < 48; ++i) CHECK((i / 16 == 1 ? is_nan(y[i]) : y[i] == 1.0f));
        }
    }
}

TEST_CASE("other block and pair sizes, short last block and pair") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    const std::vector<float> x(golden_x.begin(), golden_x.begin() + 1003);
    for (const std::ptrdiff_t block : {1, 5, 16, 33}) {
        for (const std::ptrdiff_t pair : {0, 1, 2, 3}) {
            const microexponent_format format{.mantissa_bits = 5, .block = block, .pair = pair};
            const auto y = round_trip(x, format);
            // Each block by itself gives the same, and every value is within half a step (or one, where M is clamped).
            for (std::size_t first = 0; first < x.size(); first += static_cast<std::size_t>(block)) {
                const std::size_t last = std::min(first + static_cast<std::size_t>(block), x.size());
                const std::vector<float> alone(x.begin() + static_cast<std::ptrdiff_t>(first),
                                               x.begin() + static_cast<std::ptrdiff_t>(last));
                const auto expected = round_trip(alone, format);
                float amax = 0;
                for (const float v : alone) amax = std::max(amax, std::abs(v));
                const float step = std::ldexp(1.0f, floor_log2(amax) - 4);
                for (std::size_t i = first; i < last; ++i) {
                    REQUIRE(y[i] == expected[i - first]);
                    REQUIRE(std::abs(y[i] - x[i]) <= step);
                }
            }
        }
    }
}

TEST_CASE("block_microexponent: every instruction set writes the same bytes") {
    for (const int m : {1, 2, 3, 4, 6, 7, 9}) {
        for (const std::ptrdiff_t pair : {0, 2, 4}) {
            for (std::uint32_t seed = 0; seed < 9; ++seed) {
                const auto all = awkward_blocks(4200, seed, seed % 3 == 2);
                const microexponent_format format{.mantissa_bits = m, .pair = pair};
                for (const std::ptrdiff_t n : awkward_sizes) {
                    CAPTURE(m, pair, seed, n);
                    const bool aligned = (n + seed) % 2 == 0;
                    const caching how = n % 3 ? caching::bypass : caching::keep;
                    const std::ptrdiff_t bytes = packed_bytes(n, 1 + m), blocks = ceil_div<std::ptrdiff_t>(n, 16);
                    same_on_every_isa([&] {
                        std::vector<std::uint8_t> written;
                        guarded<std::uint8_t> codes(bytes, aligned), exponents(blocks, true),
                            shifts(packed_bytes(format.pairs(n), 1), true);
                        quantize_microexponent(all.data() + seed, n, format, codes.data(), exponents.data(),
                                               shifts.data(), how);
                        codes.append_to(written);
                        exponents.append_to(written);
                        shifts.append_to(written);
                        random_bits random(seed);
                        for (std::ptrdiff_t i = 0; i < bytes; i += 5)
                            codes.data()[i] = static_cast<std::uint8_t>(random());
                        for (std::ptrdiff_t i = 0; i < blocks; i += 4)
                            exponents.data()[i] = static_cast<std::uint8_t>(random());
                        guarded<float> values(n, aligned);
                        dequantize_microexponent(codes.data(), exponents.data(), shifts.data(), n, format,
                                                 values.data(), how);
                        finish_stores(how);
                        values.append_to(written);
                        return written;
                    });
                }
            }
        }
    }
}
