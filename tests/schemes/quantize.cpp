// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/quantize.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

// A user's scheme in a user's namespace: the sign of each value, and one magnitude.
namespace user {

struct sign_only {
    float magnitude = 1;
    bool operator==(const sign_only&) const = default;
};

class sign_tensor : public lowbit::sized_by_scheme<sign_tensor> {
public:
    sign_tensor() = default;
    sign_tensor(const sign_only& scheme, const lowbit::tensor_shape& shape) : scheme_(scheme), codes_(shape) {}
    const sign_only& scheme() const { return scheme_; }
    const lowbit::tensor_shape& shape() const { return codes_.shape(); }
    const lowbit::tensor<std::int32_t>& codes() const { return codes_; }
    lowbit::tensor<std::int32_t>& codes() { return codes_; }
    bool operator==(const sign_tensor&) const = default;

private:
    sign_only scheme_;
    lowbit::tensor<std::int32_t> codes_;
};

sign_tensor encode(lowbit::tensor_view<const float> x, const sign_only& s, std::span<const float> importance,
                   const lowbit::executor&) {
    sign_tensor q(importance.empty() ? s : sign_only{importance[0]}, x.shape());
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) q.codes()[i] = x[i] < 0;
    return q;
}

void decode(const sign_tensor& q, lowbit::tensor_view<float> out, const lowbit::executor&) {
    for (std::ptrdiff_t i = 0; i < out.size(); ++i) out[i] = (q.codes()[i] ? -1.0f : 1.0f) * q.scheme().magnitude;
}

std::ptrdiff_t bytes(const sign_only&, const lowbit::tensor_shape& shape) { return 4 + (shape.size() + 7) / 8; }

}  // namespace user

static_assert(lowbit::scheme<user::sign_only>);
static_assert(lowbit::quantized_tensor<user::sign_tensor>);
static_assert(!lowbit::scheme<int>);
static_assert(!lowbit::quantized_tensor<lowbit::tensor<float>>);

TEST_CASE("a user's scheme goes through the same entry") {
    const std::vector<float> x{1.0f, -2.0f, 3.0f, -4.0f};
    const user::sign_tensor q = lowbit::quantize(x, user::sign_only{2.5f});
    CHECK(lowbit::dequantize(q) == lowbit::tensor<float>({4}, std::vector{2.5f, -2.5f, 2.5f, -2.5f}));
    CHECK(q.bytes() == 5);
    CHECK(q.bits_per_element() == 10);
    CHECK(lowbit::bits_per_element(user::sign_only{}, {32}) == 2);
    CHECK(lowbit::bits_per_element(user::sign_only{}, {0}) == 0);
    CHECK(lowbit::quantize(x, user::sign_only{}, std::vector<float>(4, 7.0f)).scheme().magnitude == 7);
    CHECK(lowbit::quantize(x, user::sign_only{}, lowbit::executor{}).codes() == q.codes());

    user::sign_tensor kept = q;
    CHECK_THROWS_AS(
        lowbit::quantize_into(std::vector{std::numeric_limits<float>::quiet_NaN()}, user::sign_only{}, kept),
        lowbit::error);
    CHECK(kept == q);
    lowbit::quantize_into(std::vector{-1.0f}, user::sign_only{}, kept);
    CHECK(kept.codes()[0] == 1);
}

TEST_CASE("NaN and importance are checked before the scheme sees them") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(lowbit::quantize(std::vector{0.0f, 1.0f, nan}, user::sign_only{}),
                      Catch::Contains("NaN at index 2"));
    CHECK(lowbit::quantize(std::vector{nan}, user::sign_only{}, lowbit::nan_policy::allow).codes()[0] == 0);
    CHECK_THROWS_WITH(lowbit::quantize(std::vector{0.0f}, user::sign_only{}, std::vector{1.0f, 2.0f}),
                      Catch::Contains("2 importance values for 1 elements"));
}
