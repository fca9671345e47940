// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/parts.hpp>

#include <tests/support/gaussian.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("parts: every scheme comes back, in as many bytes as it says") {
    for (const char* text : {"int8",
                             "int3:channel=0",
                             "uint5:asymmetric:group=7",
                             "int16:full:scale=bf16:group=16",
                             "int4:asymmetric:channel=1:scale=f16",
                             "kmeans4",
                             "kmeans1:channel=0",
                             "kmeans3:group=5",
                             "kmeans10",
                             "kmeans2:group=3@0",
                             "vsq4s4v16",
                             "vsq6s10v16:order=A:gamma=tensor",
                             "vsq4s4v5:unsigned",
                             "mx9",
                             "mx6",
                             "mx4",
                             "msfp16",
                             "msfp12",
                             "mxfp8e4m3",
                             "mxfp8e5m2",
                             "mxfp6e3m2:axis=0",
                             "mxfp6e2m3",
                             "mxfp4",
                             "mxint8:axis=1",
                             "nvfp4",
                             "nf4",
                             "nf4:double",
                             "fp4",
                             "iq4nl",
                             "q4_0",
                             "q4_1",
                             "q8_0",
                             "q4_k",
                             "q6_k"}) {
        for (const tensor_shape& shape : {tensor_shape{4, 6, 256}, tensor_shape{3, 2, 77}, tensor_shape{2, 0, 3}}) {
            CAPTURE(text, to_string(shape));
            const any_scheme scheme = parse_scheme(text);
            any_quantized q;
            try {
                q = quantize(gaussian(shape), scheme);
            } catch (const error&) {
                continue;  // a shape that the scheme refuses
            }
            const tensor_parts parts = to_parts(q);
            CHECK(std::ssize(parts.codes) + std::ssize(parts.parameters) == q.bytes());
            const any_quantized back = scheme.visit(
                [&](const auto& s) { return any_quantized(from_parts(s, shape, parts.codes, parts.parameters)); });
            CHECK(back == q);
            CHECK(scheme.visit([](const auto& s) { return code_bits(s); }) == parts.code_bits);
            const auto refused = [&](std::span<const std::byte> codes, std::span<const std::byte> parameters) {
                scheme.visit([&](const auto& s) { CHECK_THROWS_AS(from_parts(s, shape, codes, parameters), error); });
            };
            if (shape.size() == 0) continue;
            refused(std::span(parts.codes).first(parts.codes.size() - 1), parts.parameters);
            std::vector<std::byte> longer = parts.parameters;
            longer.push_back({});
            refused(parts.codes, longer);
        }
    }
}

TEST_CASE("parts: a caller's codebook, larger than its tensor or smaller than its labels") {
    for (const codebook& book : {codebook{{1, 2, 3, 4, 5}}, codebook{{-1, 1, 0}}, codebook{{7}}}) {
        const kmeans_tensor q = quantize(std::vector<float>{1, 2}, book);
        const tensor_parts parts = to_parts(q);
        CHECK(std::ssize(parts.parameters) + 1 == q.bytes());
        CHECK(from_parts(q.scheme(), q.shape(), parts.codes, parts.parameters) == q);
        CHECK_THROWS_AS(from_parts(q.scheme(), q.shape(), std::vector<std::byte>{std::byte{0x3f}}, parts.parameters),
                        error);
    }
}
