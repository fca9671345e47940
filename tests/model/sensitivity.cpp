// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/sensitivity.hpp>

#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

using namespace lowbit;

TEST_CASE("each layer alone at each width: fewer bits lose more; labels give entropy and accuracy") {
    const auto g = networks::mobile();
    const std::vector<tensor<float>> batches{networks::random({30, 12, 12, 3}, -1, 1, 5),
                                             networks::random({10, 12, 12, 3}, -1, 1, 6)};
    std::vector<int> labels;  // what the float network says: its own accuracy is 1
    for (const auto& batch : batches) {
        const auto y = float_run(g, batch);
        for (std::ptrdiff_t i = 0; i < y.shape()[0]; ++i)
            labels.push_back(
                static_cast<int>(std::max_element(y.data() + i * 5, y.data() + i * 5 + 5) - (y.data() + i * 5)));
    }
    const std::vector<any_scheme> schemes{affine{.bits = 2}, affine{.bits = 5}, affine{.bits = 8}};
    double last = -1;
    const auto rows = analyze_sensitivity(g, batches, schemes, {}, labels, [&](double done, std::string_view) {
        CHECK(done > last);
        last = done;
    });
    REQUIRE(rows.size() == fold_batch_norms(g).weighted().size());
    for (const auto& row : rows) {
        CAPTURE(row.name);
        REQUIRE(row.options.size() == 3);
        CHECK(row.options[0].loss > row.options[1].loss);
        CHECK(row.options[1].loss >= row.options[2].loss);
        CHECK(row.options[0].sqnr_db < row.options[2].sqnr_db);
        CHECK(row.options[2].accuracy > 0.9);
        CHECK(row.options[2].accuracy <= 1);
        CHECK(row.options[2].cross_entropy > 0);
        CHECK(row.options[0].bytes < row.options[2].bytes);
        CHECK(row.options[0].bit_operations < row.options[2].bit_operations);
        CHECK(to_string(row.options[1].scheme) == "int5");
    }
}

TEST_CASE("what is missing or does not fit") {
    const auto g = networks::lenet();
    const std::vector<tensor<float>> batches{networks::random({3, 12, 12, 1}, 0, 1, 5)};
    const std::vector<any_scheme> schemes{affine{.bits = 4}};
    CHECK_THROWS_AS(analyze_sensitivity(g, {}, schemes), error);
    CHECK_THROWS_AS(analyze_sensitivity(g, batches, {}), error);
    const std::vector<int> few{1, 2}, wrong{1, 2, 10};
    CHECK_THROWS_AS(analyze_sensitivity(g, batches, schemes, {}, few), error);
    CHECK_THROWS_WITH(analyze_sensitivity(g, batches, schemes, {}, wrong), Catch::Contains("label 10"));
    CHECK_THROWS_AS(measure_quality({}, g, batches), error);
}
