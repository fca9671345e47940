// SPDX-License-Identifier: Apache-2.0
#include <lowbit/formats/packed.hpp>
#include <lowbit/kernels/block_mx.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace lowbit;

namespace {

const float quiet_nan = std::bit_cast<float>(0x7fc00000u);

struct mx_encoded {
    std::vector<std::uint8_t> codes, scales;
};

mx_encoded quantize(const std::vector<float>& x, const mx_format& format, const float* importance = nullptr) {
    const auto n = static_cast<std::ptrdiff_t>(x.size());
    mx_encoded e{std::vector<std::uint8_t>(static_cast<std::size_t>(packed_bytes(n, mx_bits(format.element)))),
                 std::vector<std::uint8_t>(static_cast<std::size_t>(ceil_div(n, mx_format::block)))};
    quantize_mx(x.data(), n, format, importance, e.codes.data(), e.scales.data());
    return e;
}

std::vector<float> dequantize(const mx_encoded& e, mx_element element, std::size_t n) {
    std::vector<float> x(n);
    dequantize_mx(e.codes.data(), e.scales.data(), static_cast<std::ptrdiff_t>(n), element, x.data());
    return x;
}

double noise(const std::vector<float>& x, const std::vector<float>& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = static_cast<double>(x[i]) - static_cast<double>(y[i]);
        sum += d * d;
    }
    return sum;
}

constexpr mx_element elements[] = {mx_element::e4m3, mx_element::e5m2, mx_element::e3m2,
                                   mx_element::e2m3, mx_element::e2m1, mx_element::int8};
constexpr const char* element_names[] = {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2",
                                         "mxfp6_e2m3", "mxfp4_e2m1", "mxint8"};

}  // namespace

TEST_CASE("golden: every OCP MX file, scales, codes and values bit for bit") {
    for (std::size_t k = 0; k < std::size(elements); ++k) {
        for (const std::string input : {"gauss", "edge"}) {
            for (const std::string rule : {"rne", "rha"}) {
                const std::string stem = "formats/" + std::string(element_names[k]) + "_" + input + "_" + rule;
                CAPTURE(stem);
                const auto x = load<float>("formats/in_" + input + ".npy");
                const mx_format format{.element = elements[k], .rule = rule == "rne" ? ties::even : ties::away};
                const auto q = quantize({x.begin(), x.end()}, format);
                const auto y = dequantize(q, elements[k], static_cast<std::size_t>(x.size()));
                const auto scales = load<std::uint8_t>(stem + ".scale.npy");
                const auto codes = load<int>(stem + ".code.npy");
                const auto valid = load<std::uint8_t>(stem + ".code_valid.npy");
                const auto values = load<float>(stem + ".deq.npy");
                for (std::ptrdiff_t b = 0; b < scales.size(); ++b) {
                    REQUIRE(int(q.scales[static_cast<std::size_t>(b)]) == int(scales[b]));
                }
                std::vector<std::uint8_t> unpacked(y.size());
                unpack_codes(q.codes.data(), x.size(), mx_bits(elements[k]), unpacked.data());
                for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
                    CAPTURE(i, x[i]);
                    if (valid[i]) REQUIRE(int(unpacked[static_cast<std::size_t>(i)]) == (codes[i] & 0xff));
                    REQUIRE(std::bit_cast<std::uint32_t>(y[static_cast<std::size_t>(i)]) ==
                            std::bit_cast<std::uint32_t>(values[i]));
                }
            }
        }
    }
}

TEST_CASE("a block with NaN or infinity is NaN; its neighbours are not") {
    for (const mx_element element : elements) {
        for (const float bad : {quiet_nan, INFINITY, -INFINITY}) {
            std::vector<float> x(96, 1.0f);
            x[40] = bad;
            const auto q = quantize(x, {.element = element});
            CHECK(q.scales[1] == 255);
            const auto y = dequantize(q, element, x.size());
            for (std::size_t i = 0; i < x.size(); ++i) {
                if (i / 32 == 1) {
                    CHECK(is_nan(y[i]));
                } else {
                    CHECK(y[i] == 1.0f);
                }
            }
        }
    }
}

TEST_CASE("zeros have scale 0 under every rule, and decode as +0") {
    for (const mx_element element : elements) {
        for (const mx_scale rule :
             {mx_scale::floor, mx_scale::ceil, mx_scale::even, mx_scale::roundup, mx_scale::mse}) {
            const auto q = quantize({0.0f, -0.0f, 0.0f}, {.element = element, .scale = rule});
            CHECK(q.scales[0] == 0);
            for (const float y : dequantize(q, element, 3)) CHECK(std::bit_cast<std::uint32_t>(y) == 0);
        }
    }
}

TEST_CASE("scale rules, by their definitions in float64") {
    const auto x = load<float>("formats/in_gauss.npy");
    for (const mx_element element : elements) {
        const double largest = with_mx_element(
            element, [](auto type) { return static_cast<double>(static_cast<float>(decltype(type)::type::max())); });
        const int emax = static_cast<int>(std::floor(std::log2(largest)));
        const int mantissa = with_mx_element(element, [](auto type) { return decltype(type)::type::mantissa_bits; });
        std::vector<float> inputs(x.begin(), x.end());
        for (const float edge : {1.0f, 1.5f, 1.75f, 1.875f, 1.9375f, 1.96875f, 1.984375f, 1.9921875f, 1.99999988f}) {
            inputs.push_back(edge);
            inputs.push_back(std::nextafter(edge, 0.0f));
            inputs.push_back(std::nextafter(edge, 4.0f));
        }
        for (const float value : inputs) {
            const double amax = std::abs(static_cast<double>(value));
            const auto exponent = [&](mx_scale rule) {
                return quantize({value}, {.element = element, .scale = rule}).scales[0] - 127;
            };
            CAPTURE(value);
            CHECK(exponent(mx_scale::floor) == std::floor(std::log2(amax)) - emax);
            CHECK(exponent(mx_scale::ceil) == std::ceil(std::log2(amax)) - emax);
            CHECK(exponent(mx_scale::roundup) == std::ceil(std::log2(amax / largest)));
            const double ulp = std::ldexp(1.0, static_cast<int>(std::floor(std::log2(amax))) - mantissa);
            const double rounded = std::floor(amax / ulp + 0.5) * ulp;
            CHECK(exponent(mx_scale::even) == std::floor(std::log2(rounded)) - emax);
        }
    }
}

TEST_CASE("roundup never saturates; mse is never worse than floor, and weights count") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    const std::vector<float> x(golden_x.begin(), golden_x.end());
    for (const mx_element element : elements) {
        const auto floor = dequantize(quantize(x, {.element = element}), element, x.size());
        const auto search = dequantize(quantize(x, {.element = element, .scale = mx_scale::mse}), element, x.size());
        for (std::size_t first = 0; first < x.size(); first += 32) {
            const auto block = [&](const std::vector<float>& v) {
                return std::vector<float>(v.begin() + static_cast<std::ptrdiff_t>(first),
                                          v.begin() + static_cast<std::ptrdiff_t>(first) + 32);
            };
            REQUIRE(noise(block(x), block(search)) <= noise(block(x), block(floor)));
        }
    }
    // Only the first value matters: the scale that serves it best.
    std::vector<float> pair{0.3f, 7.9f}, weights{1.0f, 0.0f};
    const mx_format mxfp4{.scale = mx_scale::mse};
    const auto q = quantize(pair, mxfp4, weights.data());
    CHECK(q.scales[0] == 126);
    CHECK(dequantize(q, mx_element::e2m1, 2)[0] == 0.25f);
}

TEST_CASE("a short last block") {
    const auto golden_x = load<float>("formats/in_gauss.npy");
    for (const mx_element element : elements) {
        const std::vector<float> x(golden_x.begin(), golden_x.begin() + 71);
        const auto q = quantize(x, {.element = element});
        REQUIRE(q.scales.size() == 3);
        const auto y = dequantize(q, element, x.size());
        const auto tail = quantize({x.begin() + 64, x.end()}, {.element = element});
        CHECK(q.scales[2] == tail.scales[0]);
        const auto tail_y = dequantize(tail, element, 7);
        for (std::size_t i = 0; i < 7; ++i)
            CHECK(std::bit_cast<std::uint32_t>(y[64 + i]) == std::bit_cast<std::uint32_t>(tail_y[i]));
    }
}

TEST_CASE("any bytes decode") {
    std::vector<std::uint8_t> codes(32), scales{0};
    for (int scale = 0; scale < 256; ++scale) {
        scales[0] = static_cast<std::uint8_t>(scale);
        for (std::size_t i = 0; i < 32; ++i)
            codes[i] = static_cast<std::uint8_t>(i * 8 + static_cast<std::size_t>(scale) % 8);
        for (const mx_element element : elements) {
            for (const float y : dequantize({codes, scales}, element, 32)) {
                if (scale == 255) CHECK(is_nan(y));
            }
        }
    }
    CHECK(dequantize({{0x7e}, {254}}, mx_element::e4m3, 1)[0] == INFINITY);
    CHECK(is_nan(dequantize({{0x7f}, {127}}, mx_element::e4m3, 1)[0]));
    CHECK(dequantize({{0x80}, {127}}, mx_element::int8, 1)[0] == -2.0f);
    CHECK(dequantize({{0x01}, {0}}, mx_element::e5m2, 1)[0] == 0x1p-143f);
}

TEST_CASE("block_mx: every instruction set writes the same bytes") {
    for (const mx_element element : elements) {
        const int width = mx_bits(element);
        for (std::uint32_t seed = 0; seed < 12; ++seed) {
            const auto all = awkward_blocks(4200, seed, seed % 3 == 2);
            auto importance = awkward_floats(4200, seed + 50, 1e-6f, false);
            for (float& w : importance) w = std::abs(w);
            for (const std::ptrdiff_t n : awkward_sizes) {
                CAPTURE(width, seed, n);
                const mx_format format{.element = element, .scale = n % 4 == 1 ? mx_scale::mse : mx_scale::floor};
                const float* const weights = seed % 2 ? importance.data() : nullptr;
                const bool aligned = (n + seed) % 2 == 0;
                const caching how = n % 3 ? caching::bypass : caching::keep;
                same_on_every_isa([&] {
                    std::vector<std::uint8_t> written;
                    guarded<std::uint8_t> codes(packed_bytes(n, width), aligned),
                        scales(ceil_div<std::ptrdiff_t>(n, 32), true);
                    quantize_mx(all.data() + seed, n, format, weights, codes.data(), scales.data(), how);
                    codes.append_to(written);
                    scales.append_to(written);
                    // Decoding takes any bytes.
                    random_bits random(seed);
                    for (std::ptrdiff_t i = 0; i < packed_bytes(n, width); i += 5)
                        codes.data()[i] = static_cast<std::uint8_t>(random());
                    for (std::ptrdiff_t i = 0; i < ceil_div<std::ptrdiff_t>(n, 32); i += 4)
                        scales.data()[i] = static_cast<std::uint8_t>(random());
                    guarded<float> values(n, aligned);
                    dequantize_mx(codes.data(), scales.data(), n, element, values.data(), how);
                    finish_stores(how);
                    values.append_to(written);
                    return written;
                });
            }
        }
    }
}
