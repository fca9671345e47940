// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/pack.hpp>
#include <tests/support/isa.hpp>

#include <catch2/catch.hpp>

TEMPLATE_TEST_CASE("pack and unpack: every width, size and instruction set as the normative code, nothing else touched",
                   "", std::int8_t, std::uint8_t, std::int16_t, std::int32_t) {
    using code = TestType;
    random_bits random(4);
    std::vector<code> codes(1200), back;
    for (code& q : codes) q = static_cast<code>(random());
    for (int bits = 1; bits <= std::min<int>(16, 8 * sizeof(code)); ++bits) {
        CAPTURE(bits);
        std::vector<std::uint8_t> expected, bytes;
        for (std::ptrdiff_t n = 0; n <= 1100; n += n < 400 ? 1 : 173) {
            const code* from = codes.data() + n % 3;
            const auto size = static_cast<std::size_t>(lowbit::packed_bytes(n, bits));
            expected.assign(size, 0);
            lowbit::pack_codes(from, n, bits, expected.data());
            expected.push_back(0xab);
            std::vector<code> cut(static_cast<std::size_t>(n));
            lowbit::unpack_codes(expected.data(), n, bits, cut.data());
            cut.push_back(code{0x5a});
            for_each_isa([&] {
                bytes.assign(size, 0);
                bytes.push_back(0xab);
                lowbit::pack(from, n, bits, bytes.data());
                REQUIRE(bytes == expected);
                // An exact-sized copy, so that the sanitizers see a read past the stream.
                const std::vector<std::uint8_t> exact(expected.begin(), expected.end() - 1);
                back.assign(static_cast<std::size_t>(n), 0);
                back.push_back(code{0x5a});
                lowbit::unpack(exact.data(), n, bits, back.data());
                REQUIRE(back == cut);
            });
        }
    }
}
