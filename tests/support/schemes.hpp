// SPDX-License-Identifier: Apache-2.0
/// @file
/// What must hold for every block scheme: ragged lines, executors, sizes, NaN, strings.
#pragma once

#include <lowbit/core/metrics.hpp>
#include <lowbit/schemes/any.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/two_threads.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace schemes_test {

inline lowbit::tensor<float> golden_gaussian(const lowbit::tensor_shape& shape) {
    const auto golden = load<float>("formats/in_gauss.npy");
    lowbit::tensor<float> x(shape);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x[i] = golden[i % golden.size()];
    return x;
}

inline bool same_bits(const lowbit::tensor<float>& a, const lowbit::tensor<float>& b) {
    bool same = a.size() == b.size();
    for (std::ptrdiff_t i = 0; same && i < a.size(); ++i) {
        same = std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i]);
    }
    return same;
}

/// Shapes with ragged lines, one line, none, and no axis.
inline std::vector<lowbit::tensor_shape> shapes() {
    return {{0}, {1}, {17}, {4096}, {5000}, {3, 0}, {0, 3}, {9, 33}, {64, 256}, {3, 5, 7}, {2, 3, 3, 40}, {11, 1}, {}};
}

/// A tensor decodes close to what it was, the same by one thread and two, in the bytes that the scheme announces.
/// line_by_line: blocks of one line do not depend on other lines.
template <class S>
void check_scheme(const S& scheme, double least_sqnr_db, bool line_by_line) {
    using namespace lowbit;
    STATIC_REQUIRE(lowbit::scheme<S>);
    CAPTURE(to_string(scheme));
    CHECK(to_string(parse_scheme(to_string(scheme))) == to_string(scheme));
    CHECK(parse_scheme(to_string(scheme)) == any_scheme(scheme));
    for (const tensor_shape& shape : shapes()) {
        CAPTURE(to_string(shape));
        const tensor<float> x = golden_gaussian(shape);
        const auto q = quantize(x, scheme);
        CHECK(q.shape() == shape);
        CHECK(q.bytes() == bytes(scheme, shape));
        CHECK(q.bits_per_element() == bits_per_element(scheme, shape));
        CHECK(q.codes().shape() == shape);
        const tensor<float> y = dequantize(q);
        if (x.size() >= 256) CHECK(sqnr_db(x, y) > least_sqnr_db);

        two_threads pool;
        const auto parallel = quantize(x, scheme, pool);
        CHECK(parallel == q);
        CHECK(same_bits(dequantize(parallel, pool), y));

        if (line_by_line && shape.rank() == 2 && shape.size() > 0) {
            for (std::ptrdiff_t line = 0; line < shape[0]; ++line) {
                const std::span<const float> values =
                    x.span().subspan(static_cast<std::size_t>(line * shape[1]), static_cast<std::size_t>(shape[1]));
                const tensor<float> alone = dequantize(quantize(values, scheme));
                for (std::ptrdiff_t i = 0; i < shape[1]; ++i) REQUIRE(alone[i] == y(line, i));
            }
        }
    }
}

/// NaN and infinity are stored (and spoil no other block).
template <class S>
void check_stores_nan(const S& scheme) {
    using namespace lowbit;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY}) {
        tensor<float> x = golden_gaussian({4, 64});
        x(1, 5) = bad;
        const tensor<float> y = dequantize(quantize(x, scheme));
        CHECK(is_nan(y(1, 5)));
        CHECK(is_nan(y(1, 0)));
        CHECK_FALSE(is_nan(y(0, 5)));
        CHECK_FALSE(is_nan(y(1, 63)));
    }
}

/// NaN is refused by its index, or becomes 0 when allowed; infinity is refused.
template <class S>
void check_refuses_nan(const S& scheme) {
    using namespace lowbit;
    tensor<float> x = golden_gaussian({4, 64});
    x(1, 5) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(quantize(x, scheme), Catch::Contains("NaN at index 69"));
    const tensor<float> y = dequantize(quantize(x, scheme, nan_policy::allow));
    x(1, 5) = 0;
    CHECK(same_bits(y, dequantize(quantize(x, scheme))));
    x(2, 7) = -INFINITY;
    CHECK_THROWS_WITH(quantize(x, scheme), Catch::Contains("infinite value at index 135"));
}

}  // namespace schemes_test
