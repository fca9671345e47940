// SPDX-License-Identifier: Apache-2.0
#include <lowbit/refine/channels.hpp>

#include <catch2/catch.hpp>

#include <vector>

using lowbit::layer_view;
using lowbit::tensor;

TEST_CASE("channels of dense layers, also behind a flattened image") {
    tensor<float> w({2, 6}, std::vector<float>{1, 2, 3, 4, 5, 6, -7, 8, -9, 10, -11, 12}),
        b({2}, std::vector<float>{1, 2});
    const layer_view layer{w, b};
    CHECK(lowbit::largest_of_outputs(layer) == std::vector<float>{6, 12});
    CHECK(lowbit::largest_of_inputs(layer, 6) == std::vector<float>{7, 8, 9, 10, 11, 12});
    CHECK(lowbit::largest_of_inputs(layer, 2) == std::vector<float>{11, 12});
    lowbit::scale_inputs(layer, std::vector<float>{2, 3});
    CHECK(w == tensor<float>({2, 6}, std::vector<float>{2, 6, 6, 12, 10, 18, -14, 24, -18, 30, -22, 36}));
    lowbit::scale_outputs(layer, std::vector<float>{10, 0.5f});
    CHECK(w(1, 5) == 18);
    CHECK(w(0, 0) == 20);
    CHECK(b == tensor<float>({2}, std::vector<float>{10, 1}));
}

TEST_CASE("a depthwise row reads its own channel") {
    tensor<float> w({4, 1, 2, 1}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
    const layer_view layer{w, {}, true};
    CHECK(lowbit::largest_of_inputs(layer, 4) == std::vector<float>{2, 4, 6, 8});
    CHECK(lowbit::largest_of_inputs(layer, 2) == std::vector<float>{4, 8});  // multiplier 2
    std::vector<std::ptrdiff_t> outs, ins;
    lowbit::for_each_weight(layer, 2, [&](float, std::ptrdiff_t out, std::ptrdiff_t in) {
        outs.push_back(out);
        ins.push_back(in);
    });
    CHECK(outs == std::vector<std::ptrdiff_t>{0, 0, 1, 1, 2, 2, 3, 3});
    CHECK(ins == std::vector<std::ptrdiff_t>{0, 0, 0, 0, 1, 1, 1, 1});
}

TEST_CASE("channels that do not fit are refused") {
    tensor<float> w({2, 6}), b({3});
    CHECK_THROWS_WITH(lowbit::largest_of_inputs({w, {}}, 4), Catch::Contains("4 input channels"));
    CHECK_THROWS_WITH(lowbit::largest_of_inputs({w, {}, true}, 6), Catch::Contains("depthwise"));
    CHECK_THROWS_WITH((layer_view{w, b}.check_inputs(6)), Catch::Contains("3 biases"));
    CHECK_THROWS_WITH(lowbit::scale_outputs({w, {}}, std::vector<float>{1}), Catch::Contains("1 factors"));
}
