// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/scale_type.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("scales are stored in their type, positive, with a finite reciprocal") {
    CHECK(scale_bytes(scale_type::f32) == 4);
    CHECK(scale_bytes(scale_type::f16) == 2);
    CHECK(scale_bytes(scale_type::bf16) == 2);
    CHECK(storable_scale(0.1, scale_type::f32) == 0.1f);
    CHECK(storable_scale(1.0 / 3, scale_type::f16) == 0x1.554p-2f);
    CHECK(storable_scale(1.0 / 3, scale_type::bf16) == 0x1.56p-2f);
    for (const auto type : {scale_type::f32, scale_type::f16, scale_type::bf16}) {
        CHECK(storable_scale(0, type) == 1.0f);
        const float least = storable_scale(1e-300, type);
        CHECK(least > 0);
        CHECK(is_finite(1.0f / least));
        CHECK(storable_scale(least, type) == least);
    }
    CHECK_THROWS_WITH(storable_scale(65520, scale_type::f16), Catch::Contains("float16"));
    CHECK(storable_scale(65504, scale_type::f16) == 65504.0f);
}
