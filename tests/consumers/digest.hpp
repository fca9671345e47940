// SPDX-License-Identifier: Apache-2.0
/// @file
/// One number for the bits of everything that lowbit promises to give alike under every compiler and every flag.
/// Also a program without exceptions and RTTI, and all that a second translation unit of it needs.
#pragma once

#if defined(LOWBIT_SINGLE_HEADER)
#include <lowbit.hpp>
#else
#include <lowbit/lowbit.hpp>
#endif

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace consumer {

/// FNV-1a, one line per topic.
class digest {
public:
    template <class Number>
    void add(std::span<const Number> numbers) {
        static_assert(std::is_arithmetic_v<Number>);
        for (const Number number : numbers) add(number);
    }
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void add(Number number) {
        unsigned char bytes[sizeof number];
        std::memcpy(bytes, &number, sizeof number);
        for (const unsigned char byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001B3u;
    }

    /// Ends a topic.
    void line(const char* topic) {
        char text[80];
        std::snprintf(text, sizeof text, "%-24s %016llx\n", topic, static_cast<unsigned long long>(hash_));
        lines_ += text;
        hash_ = start;
    }
    const std::string& text() const { return lines_; }

private:
    static constexpr std::uint64_t start = 0xCBF29CE484222325u;
    std::uint64_t hash_ = start;
    std::string lines_;
};

/// Numbers over many powers of two, both signs, ties of small grids among them; exact under any flags.
inline lowbit::tensor<float> numbers(const lowbit::tensor_shape& shape) {
    lowbit::tensor<float> values(shape);
    std::uint32_t state = 1;
    for (float& value : values) {
        state = state * 1664525u + 1013904223u;
        const std::uint32_t exponent = 120 + (state >> 28);
        value = std::bit_cast<float>((state & 0x80000000u) | exponent << 23 | ((state >> 5) & 0x7FE000u));
    }
    return values;
}

inline lowbit::tensor<std::int8_t> codes(const lowbit::tensor_shape& shape) {
    lowbit::tensor<std::int8_t> values(shape);
    std::uint32_t state = 7;
    for (std::int8_t& value : values) value = static_cast<std::int8_t>((state = state * 1664525u + 1013904223u) >> 24);
    return values;
}

/// Every kind of scheme and of suffix.
inline constexpr const char* schemes[] = {
    "int8",
    "uint8:asymmetric",
    "int4:group=100:ties=away",
    "int8:channel=0:scale=f16",
    "int2:full",
    "int16",
    "int4:clip=mse",
    "int4:clip=octav",
    "int4:clip=percentile=99.9",
    "kmeans4",
    "kmeans2:channel=0",
    "kmeans3:fast",
    "vsq4s4v16",
    "vsq8s6v16:order=A",
    "mx9",
    "mx6:ties=away",
    "mx4",
    "msfp12",
    "mxfp8e4m3",
    "mxfp8e5m2:scale=even",
    "mxfp6e3m2",
    "mxfp6e2m3:ties=away",
    "mxfp4:scale=mse",
    "mxint8",
    "nvfp4",
    "nf4",
    "nf4:double",
    "fp4",
    "iq4nl",
    "q4_0",
    "q4_1",
    "q8_0",
    "q4_k",
    "q6_k:scale=mse",
};

inline std::string digest_of_everything() {
    digest sum;
    const lowbit::tensor<float> x = numbers({16, 256});

    for (const float value : x) {
        sum.add(lowbit::float8_e4m3(value).to_bits());
        sum.add(lowbit::float4_e2m1(value).to_bits());
        sum.add(static_cast<float>(lowbit::float16(value)));
    }
    sum.line("minifloat");

    for (const char* text : schemes) {
        const auto q = lowbit::quantize(x, lowbit::parse_scheme(text));
        sum.add(std::span<const std::int32_t>(q.codes().span()));
        sum.add(std::span<const float>(lowbit::dequantize(q).span()));
        sum.add(q.bytes());
        sum.line(text);
    }

    for (std::int32_t acc = -1'000'000; acc <= 1'000'000; acc += 999) {
        for (const double factor : {0.2, 1.0 / 3, 1e-4, 7.0}) {
            const lowbit::multiplier m = lowbit::make_multiplier(factor);
            sum.add(lowbit::rescale(acc, m));
            sum.add(lowbit::rescale<lowbit::requant_rounding::tflite_double>(acc, m));
        }
    }
    sum.line("rescale");

    const lowbit::conv2d_shape shape{9, 7, 5, 6, {.kernel_height = 3, .kernel_width = 3, .pad_top = 1, .pad_left = 1}};
    const lowbit::tensor<std::int8_t> pixels = codes({2, 9, 7, 5}), weights = codes({6, 3, 3, 5});
    const lowbit::multiplier scale = lowbit::make_multiplier(1.0 / 300);
    const lowbit::integer_layer layer{
        .weights = weights.data(), .input_zero_point = 3, .output = {.multipliers = {&scale, 1}, .zero_point = -5}};
    for (const lowbit::isa set : lowbit::all_isas) {
        if (!lowbit::set_isa(set)) continue;
        lowbit::aligned_vector<std::byte> memory(lowbit::packed_conv2d_bytes(shape, layer));
        if (!lowbit::pack_conv2d(shape, layer, memory.data())) continue;
        const lowbit::packed_conv2d packed(memory.data());
        lowbit::aligned_vector<std::byte> workspace(lowbit::conv2d_workspace_bytes(packed, 2));
        lowbit::tensor<std::int8_t> y({2, shape.out_height(), shape.out_width(), 6});
        lowbit::conv2d(packed, 2, pixels.data(), y.data(), workspace.data());
        sum.add(std::span<const std::int8_t>(y.span()));
        sum.line(std::string("conv2d ").append(lowbit::to_string(set)).c_str());
    }
    lowbit::reset_isa();
    return sum.text();
}

}  // namespace consumer
