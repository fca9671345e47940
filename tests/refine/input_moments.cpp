// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/input_moments.hpp>

#include <catch2/catch.hpp>

#include <random>

using lowbit::tensor;

TEST_CASE("moments of batches are those of the whole, and give the output error") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.5f);
    tensor<float> x({1100, 7}), w({3, 7}), rounded({3, 7});
    for (float& v : x) v = normal(random);
    for (float& v : w) v = normal(random);
    for (std::ptrdiff_t i = 0; i < w.size(); ++i) rounded[i] = std::nearbyint(w[i] * 4) / 4;
    lowbit::input_moments whole(7), first(7), second(7);
    whole.observe(x);
    first.observe(lowbit::tensor_view<const float>(x.data(), {20, 5, 7}));
    second.observe(lowbit::tensor_view<const float>(x.data() + 700, {1000, 7}));
    first.merge(second);
    CHECK(first.count() == 1100);
    CHECK((first.gram() - whole.gram()).norm() < 1e-12);
    CHECK((first.mean() - whole.mean()).norm() < 1e-12);
    CHECK(first.largest() == whole.largest());

    const Eigen::MatrixXd inputs = lowbit::as_matrix(x).cast<double>();
    const Eigen::MatrixXd difference = (lowbit::as_matrix(rounded) - lowbit::as_matrix(w)).cast<double>();
    CHECK((whole.gram() - inputs.transpose() * inputs / 1100).norm() < 1e-9);
    CHECK((whole.mean() - inputs.colwise().mean().transpose()).norm() < 1e-12);
    CHECK((whole.mean_magnitude() - inputs.cwiseAbs().colwise().mean().transpose()).norm() < 1e-12);
    CHECK(whole.largest() == inputs.cwiseAbs().colwise().maxCoeff().transpose());
    const double expected = (inputs * difference.transpose()).squaredNorm() / 1100;
    CHECK(lowbit::output_error(w, rounded, whole.gram()) == Approx(expected));
}

TEST_CASE("moments refuse what does not fit") {
    lowbit::input_moments moments(4);
    CHECK_THROWS_WITH(moments.gram(), Catch::Contains("no row"));
    CHECK_THROWS_WITH(moments.observe(tensor<float>({2, 5})), Catch::Contains("4 inputs"));
    CHECK_THROWS_WITH(moments.observe(tensor<float>({2, 4}, NAN)), Catch::Contains("index 0"));
    CHECK_THROWS_WITH(moments.merge(lowbit::input_moments(3)), Catch::Contains("4 and 3"));
}
