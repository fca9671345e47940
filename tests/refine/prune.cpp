// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/prune.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace lowbit;

namespace {

std::vector<int> of(const prune_mask& mask) { return {mask.begin(), mask.end()}; }

}  // namespace

TEST_CASE("prune: the smallest go, exactly as many as asked for") {
    const tensor<float> w({2, 4}, std::vector<float>{1, -8, 3, -2, 5, 5, -5, 5});
    CHECK(of(magnitude_mask(w, 0.25)) == std::vector<int>{0, 1, 1, 0, 1, 1, 1, 1});
    CHECK(of(magnitude_mask(w, 0.5)) == std::vector<int>{0, 1, 0, 0, 1, 1, 1, 0});  // the first of equals stay
    CHECK(of(magnitude_mask(w, 0.5, per_channel(0))) == std::vector<int>{0, 1, 1, 0, 1, 1, 0, 0});
    CHECK(of(magnitude_mask(w, 0.5, per_channel(1))) == std::vector<int>{0, 1, 0, 0, 1, 0, 1, 1});
    CHECK(of(magnitude_mask(w, 0.5, per_group(1, 2))) == std::vector<int>{0, 1, 1, 0, 1, 0, 1, 0});
    CHECK(sparsity(magnitude_mask(w, 0)) == 0);
    CHECK(sparsity(magnitude_mask(w, 1)) == 1);
    CHECK(sparsity(prune_mask()) == 0);
    CHECK_THROWS_AS(magnitude_mask(w, 1.5), error);
    CHECK_THROWS_AS(magnitude_mask(w, -0.1), error);
}

TEST_CASE("prune: n:m along any axis") {
    const tensor<float> w({2, 5}, std::vector<float>{1, -8, 3, -2, 5, 4, 5, -6, 7, 0});
    CHECK(of(structured_mask(w, 2, 4)) == std::vector<int>{0, 1, 1, 0, 0, 0, 0, 1, 1, 0});
    CHECK(of(structured_mask(w, 1, 2, 0)) == std::vector<int>{0, 1, 0, 0, 1, 1, 0, 1, 1, 0});
    CHECK(sparsity(structured_mask(w, 4, 4)) == 0);
    CHECK(sparsity(structured_mask(w, 0, 3)) == 1);
    CHECK_THROWS_AS(structured_mask(w, 3, 2), error);
    CHECK_THROWS_AS(structured_mask(w, 1, 2, 2), error);
}

TEST_CASE("prune: over several tensors, and applied") {
    tensor<float> small({3}, std::vector<float>{0.1f, -0.3f, 0.2f}), large({3}, std::vector<float>{9, -0.25f, 7});
    const tensor_view<const float> both[] = {small, large};
    const auto masks = global_magnitude_masks(both, 0.5);
    CHECK(of(masks[0]) == std::vector<int>{0, 1, 0});
    CHECK(of(masks[1]) == std::vector<int>{1, 0, 1});
    apply_mask(masks[0], small);
    CHECK(small == tensor<float>({3}, std::vector<float>{0, -0.3f, 0}));
    tensor<float> other({4});
    CHECK_THROWS_AS(apply_mask(masks[0], other), error);
}
