// SPDX-License-Identifier: Apache-2.0
#include <lowbit/schemes/affine.hpp>

#include <lowbit/core/metrics.hpp>
#include <tests/support/golden.hpp>

#include <catch2/catch.hpp>

#include <Eigen/Core>

#include <limits>
#include <vector>

using namespace lowbit;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

std::vector<std::int32_t> codes_of(const affine_tensor& q) {
    const tensor<std::int32_t> codes = q.codes();
    return {codes.begin(), codes.end()};
}

/// A fixed sequence that fills [−1, 1) without pattern.
tensor<float> samples(const tensor_shape& shape) {
    tensor<float> x(shape);
    std::uint32_t state = 12345;
    for (float& value : x) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    }
    return x;
}

}  // namespace

TEST_CASE("parameters of the textbook's ranges") {
    CHECK(choose_params(range{-1.0f, 3.0f}, affine{.bits = 8, .symmetric = false}) == affine_params{4.0f / 255, -64});
    CHECK(choose_params(range{-1.0f, 3.0f}, affine{}) == affine_params{3.0f / 127, 0});
    CHECK(choose_params(range{0.0f, 3.0f}, affine{.is_signed = false}) == affine_params{3.0f / 255, 0});
    // The range is widened to hold 0: a constant lands on an end code, never on zero.
    CHECK(choose_params(range{2.0f, 3.0f}, affine{.symmetric = false}) == affine_params{3.0f / 255, -128});
    CHECK(choose_params(range{-5.0f, -5.0f}, affine{.symmetric = false}) == affine_params{5.0f / 255, 127});
    CHECK_THROWS_WITH(choose_params(range{nan_value, 1.0f}, affine{}), Catch::Contains("finite"));
    CHECK_THROWS_WITH(choose_params(range{2.0f, 1.0f}, affine{}), Catch::Contains("ordered"));
    CHECK_THROWS_WITH(choose_params(range{0.0f, 1.0f}, affine{.bits = 1}), Catch::Contains("2 to 16"));
}

TEST_CASE("code ranges") {
    struct row {
        affine scheme;
        int lowest, highest;
    };
    for (const auto& [scheme, lowest, highest] :
         {row{{}, -127, 127}, row{{.symmetric = false}, -128, 127}, row{{.codes = affine_codes::full}, -128, 127},
          row{{.symmetric = false, .codes = affine_codes::narrow}, -127, 127}, row{{.is_signed = false}, 0, 255},
          row{{.is_signed = false, .codes = affine_codes::narrow}, 1, 255}, row{{.bits = 2}, -1, 1},
          row{{.bits = 16, .is_signed = false}, 0, 65535}}) {
        CHECK(scheme.lowest() == lowest);
        CHECK(scheme.highest() == highest);
    }
}

TEST_CASE("a constant tensor keeps its value, an all-zero one is exact") {
    for (const bool symmetric : {true, false}) {
        const affine scheme{.symmetric = symmetric};
        const auto zero = quantize(std::vector<float>(5, 0.0f), scheme);
        CHECK(zero.params()[0].scale == 1.0f);
        CHECK(dequantize(zero) == tensor<float>({5}));
        for (const float c : {0.3f, -7.0f, 1e30f}) {
            const auto q = quantize(std::vector<float>(3, c), scheme);
            CHECK(dequantize(q)[1] == Approx(c).epsilon(1e-6));
        }
    }
    // So small that amax/127 underflows: the scale is floored, its reciprocal finite.
    const auto tiny = quantize(std::vector<float>{1e-45f, -1e-45f}, affine{});
    CHECK(tiny.params()[0].scale == 0x1p-126f);
    CHECK(codes_of(tiny) == std::vector{0, 0});
}

TEST_CASE("ties, clamping and NaN") {
    const std::vector<float> x{0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, inf, -inf, 1e38f, -1e38f};
    const affine_params p{1.0f, 0};
    CHECK(codes_of(quantize(x, affine{.bits = 4, .codes = affine_codes::full}, p)) ==
          std::vector{0, 2, 2, 0, -2, -2, 7, -8, 7, -8});
    CHECK(codes_of(quantize(x, affine{.bits = 4, .ties = ties::away}, p)) ==
          std::vector{1, 2, 3, -1, -2, -3, 7, -7, 7, -7});

    const std::vector<float> bad{1.0f, nan_value, 2.0f};
    CHECK_THROWS_WITH(quantize(bad, affine{}), Catch::Contains("NaN at index 1"));
    const affine asymmetric{.symmetric = false};
    const auto allowed = quantize(bad, asymmetric, nan_policy::allow);
    CHECK(allowed.codes()[1] == allowed.params()[0].zero_point);
    CHECK_THROWS_WITH(quantize(std::vector{1.0f, inf}, affine{}), Catch::Contains("infinite value at index 1"));
    CHECK_THROWS_WITH(quantize(std::vector{1.0f, -2.0f}, affine{.is_signed = false}),
                      Catch::Contains("-2 at index 1") && Catch::Contains(":asymmetric"));
}

TEST_CASE("given parameters are checked") {
    const std::vector<float> x{1.0f, 2.0f};
    const affine asymmetric{.symmetric = false};
    for (const float scale : {0.0f, -1.0f, nan_value, inf, 1e-44f}) {
        CHECK_THROWS_WITH(quantize(x, asymmetric, affine_params{scale, 0}), Catch::Contains("scale"));
    }
    CHECK_THROWS_WITH(quantize(x, asymmetric, affine_params{1.0f, 128}), Catch::Contains("zero point 128"));
    CHECK_THROWS_WITH(quantize(x, affine{}, affine_params{1.0f, 1}), Catch::Contains("symmetric"));
    const std::vector<affine_params> two(2);
    CHECK_THROWS_WITH(quantize(x, affine{}, two), Catch::Contains("2 parameters for 1"));
    CHECK_THROWS_WITH(quantize(x, affine{}, std::vector<float>(3)), Catch::Contains("3 importance values for 2"));
    CHECK_THROWS_WITH(quantize(x, affine{.granularity = per_group(0, 0)}), Catch::Contains("at least 1"));
    CHECK_THROWS_WITH(quantize(x, affine{.granularity = per_channel(1)}), Catch::Contains("axis 1 does not exist"));
}

TEST_CASE("round trip: every granularity, every width, within half a step") {
    const tensor<float> x = samples({3, 5, 7});
    for (int bits = 2; bits <= 16; ++bits) {
        for (const auto& how : {per_tensor(), per_channel(0), per_channel(1), per_channel(-1), per_group(2, 4),
                                per_group(-1, 100), per_group(0, 2), per_group(1, 3)}) {
            for (const bool symmetric : {true, false}) {
                for (const bool is_signed : {true, false}) {
                    if (symmetric && !is_signed) continue;
                    const affine scheme{
                        .bits = bits, .symmetric = symmetric, .granularity = how, .is_signed = is_signed};
                    const affine_tensor q = quantize(x, scheme);
                    const tensor<float> y = dequantize(q);
                    const partition sets(x.shape(), how);
                    REQUIRE(static_cast<std::ptrdiff_t>(q.params().size()) == sets.count());
                    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
                        const float scale = q.params()[static_cast<std::size_t>(sets.set_of(i))].scale;
                        // Asymmetric: rounding Z can push an end of the range half a step past the last code.
                        const float bound = symmetric ? 0.5f : 1.0f;
                        const float product = std::abs(x[i]) * 0x1p-22f;  // x·(1/S) is rounded, and so is 1/S
                        REQUIRE(std::abs(x[i] - y[i]) <= scale * bound + product);
                    }
                    // Codes and parameters are all there is: taken apart and put together, the same tensor.
                    CHECK(affine_tensor(scheme, x.shape(), q.packed(), {q.params().begin(), q.params().end()}) == q);
                    CHECK(quantize(y, scheme, q.params()).codes() == q.codes());
                }
            }
        }
    }
}

TEST_CASE("more bits never hurt, and codes keep the order of values") {
    const tensor<float> x = samples({1000});
    double last = 1e9;
    for (int bits = 2; bits <= 16; ++bits) {
        const affine_tensor q = quantize(x, affine{.bits = bits, .symmetric = false});
        const double now = mse(x, dequantize(q));
        CHECK(now < last);
        last = now;
        const tensor<std::int32_t> codes = q.codes();
        for (std::ptrdiff_t i = 1; i < x.size(); ++i) {
            if (x[i - 1] <= x[i]) REQUIRE(codes[i - 1] <= codes[i]);
        }
    }
}

TEST_CASE("sizes count codes, scales and zero points") {
    const tensor_shape shape{4096, 4096};
    CHECK(bits_per_element(affine{.bits = 4, .granularity = per_group(1, 128)}, shape) == 4.25);
    CHECK(bits_per_element(affine{.bits = 4, .granularity = per_group(1, 128), .scale_type = scale_type::f16}, shape) ==
          4.125);
    CHECK(bytes(affine{.bits = 4, .symmetric = false, .granularity = per_group(1, 128)}, shape) ==
          4096 * 4096 / 2 + 4096 * 32 * 4 + 4096 * 32 / 2);
    CHECK(bytes(affine{}, {12'500'000}) == 12'500'000 + 4);
    const affine_tensor q = quantize(samples({3, 5}), affine{.bits = 3, .granularity = per_channel(0)});
    CHECK(q.bytes() == 6 + 12);
    CHECK(q.bits_per_element() == 8.0 * 18 / 15);
    // A ragged last group has its own scale.
    CHECK(quantize(samples({2, 10}), affine{.granularity = per_group(1, 4)}).params().size() == 6);
}

TEST_CASE("scales can be stored in 16 bits; codes fit the stored scale") {
    const tensor<float> x = samples({64});
    for (const auto type : {scale_type::f16, scale_type::bf16}) {
        const auto q = quantize(x, affine{.bits = 4, .granularity = per_group(0, 16), .scale_type = type});
        for (const auto& p : q.params()) CHECK(storable_scale(p.scale, type) == p.scale);
        CHECK(sqnr_db(x, dequantize(q)) > 18);
    }
    CHECK_THROWS_WITH(quantize(std::vector{1e9f}, affine{.scale_type = scale_type::f16}), Catch::Contains("float16"));
    CHECK(storable_scale(1e-12, scale_type::f16) == 0x1p-24f);
}

TEST_CASE("clipping chooses the range of each set") {
    tensor<float> x = samples({4, 500});
    x[7] = 2.0f;
    const auto error_of = [&](const char* clip, granularity how) {
        const affine scheme{.bits = 4, .granularity = how, .clip = parse_clip(clip)};
        const affine_tensor q = quantize(x, scheme);
        CHECK(q.scheme() == scheme);
        return mse(x, dequantize(q));
    };
    for (const auto& how : {per_tensor(), per_channel(0), per_group(0, 4)}) {
        const double full = error_of("minmax", how), best = error_of("mse", how);
        CHECK(best < full);
        for (const char* clip : {"percentile=99.9", "kl", "octav", "aciq-laplace", "aciq-gauss"}) {
            CAPTURE(clip);
            CHECK(error_of(clip, how) >= best * 0.999);
        }
    }
    // The parameters are what choose_range gives for the values of the set.
    const affine scheme{.bits = 4, .symmetric = false, .clip = parse_clip("mse")};
    CHECK(quantize(x, scheme).params()[0] ==
          choose_params(choose_range(x.span(), scheme.clip, 4, false, true), scheme));
    CHECK_THROWS_WITH(quantize(x, affine{.clip = {clip_method::percentile, 20}}), Catch::Contains("(50, 100]"));
}

TEST_CASE("any dense input: the same tensor") {
    const tensor<float> x = samples({6, 4});
    const affine scheme{.bits = 5, .granularity = per_channel(0)};
    const affine_tensor expected = quantize(x, scheme);
    Eigen::MatrixXf columns(6, 4);
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(6, 4);
    for (int r = 0; r < 6; ++r) {
        for (int c = 0; c < 4; ++c) columns(r, c) = x(r, c), rows(r, c) = static_cast<double>(x(r, c));
    }
    CHECK(quantize(columns, scheme) == expected);
    CHECK(quantize(rows, scheme) == expected);
    CHECK(quantize(Eigen::Map<Eigen::MatrixXf>(columns.data(), 6, 4), scheme) == expected);
    Eigen::MatrixXf larger = Eigen::MatrixXf::Constant(8, 9, 100.0f);
    larger.block(1, 2, 6, 4) = columns;
    CHECK(quantize(larger.block(1, 2, 6, 4), scheme) == expected);
    CHECK(quantize(tensor_view<const float>(x.data(), {6, 4}), scheme) == expected);
    CHECK(quantize(std::vector<float>(x.begin(), x.end()), affine{}).codes().span().size() == 24);
    const tensor<bfloat16> half({3}, bfloat16(0.5f));
    CHECK(dequantize(quantize(half, affine{}))[2] == Approx(0.5f));
    affine_tensor into;
    quantize_into(x, scheme, into);
    CHECK(into == expected);
    tensor<float> out({6, 4});
    dequantize_into(into, out);
    CHECK(out == dequantize(expected));
    tensor<float> small({5});
    CHECK_THROWS_WITH(dequantize_into(into, small), Catch::Contains("[6, 4] into [5]"));
}

TEST_CASE("no values") {
    CHECK(quantize(tensor<float>({0, 3}), affine{.granularity = per_channel(0)}).codes().size() == 0);
    CHECK(dequantize(quantize(tensor<float>({0}), affine{})).size() == 0);
    CHECK(bits_per_element(affine{}, {0}) == 0);
}

TEST_CASE("the result does not depend on the executor") {
    struct backwards {
        void parallel_for(std::ptrdiff_t n, loop_body body) {
            for (std::ptrdiff_t i = n; i-- > 0;) body(i);
        }
        int concurrency() const { return 3; }
    } pool;
    const tensor<float> x = samples({3, 5000});
    const affine scheme{.bits = 3, .granularity = per_channel(0)};
    const affine_tensor q = quantize(x, scheme);
    CHECK(quantize(x, scheme, executor(pool)) == q);
    CHECK(dequantize(q, executor(pool)) == dequantize(q));
}

namespace {

/// How many codes differ from torch's int_repr.
template <class Code>
std::ptrdiff_t differing(const affine_tensor& q, const tensor<Code>& expected) {
    const tensor<std::int32_t> codes = q.codes();
    std::ptrdiff_t count = 0;
    for (std::ptrdiff_t i = 0; i < codes.size(); ++i) count += codes[i] != expected[i];
    return count;
}

affine eight_bits(bool is_signed, granularity how = per_tensor()) {
    return {.symmetric = false, .granularity = how, .is_signed = is_signed};
}

}  // namespace

TEST_CASE("codes of torch.quantize_per_tensor") {
    const auto gauss = load<float>("formats/in_gauss.npy");
    const auto same = [&](const std::string& file, affine_params p) {
        CAPTURE(file);
        if (file.starts_with("qint8")) {
            CHECK(differing(quantize(gauss, eight_bits(true), p), load<std::int8_t>("torch/torch_qpt_gauss_" + file)) ==
                  0);
        } else {
            CHECK(differing(quantize(gauss, eight_bits(false), p),
                            load<std::uint8_t>("torch/torch_qpt_gauss_" + file)) == 0);
        }
    };
    same("qint8_s0.05_z0.npy", {0.05f, 0});
    same("qint8_s0.1_z-7.npy", {0.1f, -7});
    same("qint8_s0.03125_z3.npy", {0.03125f, 3});
    same("quint8_s0.05_z0.npy", {0.05f, 0});
    same("quint8_s0.1_z128.npy", {0.1f, 128});
    same("quint8_s0.03125_z3.npy", {0.03125f, 3});

    const auto ties_in = load<float>("torch/torch_ties_in.npy");
    const auto as_signed = quantize(ties_in, eight_bits(true), affine_params{0.25f, 5});
    CHECK(differing(as_signed, load<std::int8_t>("torch/torch_ties_qint8_s0.25_z5.npy")) == 0);
    CHECK(dequantize(as_signed) == load<float>("torch/torch_ties_qint8_s0.25_z5_deq.npy"));
    const auto as_unsigned = quantize(ties_in, eight_bits(false), affine_params{0.25f, 5});
    CHECK(differing(as_unsigned, load<std::uint8_t>("torch/torch_ties_quint8_s0.25_z5.npy")) == 0);
    CHECK(dequantize(as_unsigned) == load<float>("torch/torch_ties_quint8_s0.25_z5_deq.npy"));
}

TEST_CASE("where torch wraps the largest floats, the library saturates") {
    const auto edge = load<float>("formats/in_edge.npy");
    const affine_params p{0.02f, 10};
    const auto check_edges = [&]<class Code>(const tensor<Code>& expected, const affine& scheme) {
        const tensor<std::int32_t> codes = quantize(edge, scheme, p).codes();
        std::ptrdiff_t wrapped = 0;
        for (std::ptrdiff_t i = 0; i < edge.size(); ++i) {
            if (codes[i] == expected[i]) continue;
            // x/S is past int32: torch's cast wraps there, to the lowest code.
            REQUIRE(edge[i] / p.scale > 0x1p31f);
            REQUIRE(expected[i] == scheme.lowest());
            REQUIRE(codes[i] == scheme.highest());
            ++wrapped;
        }
        CHECK(wrapped == 128);
    };
    check_edges(load<std::int8_t>("torch/torch_qpt_edge_qint8_s0.02_z10.npy"), eight_bits(true));
    check_edges(load<std::uint8_t>("torch/torch_qpt_edge_quint8_s0.02_z10.npy"), eight_bits(false));
}

TEST_CASE("codes of torch.quantize_per_channel") {
    tensor<float> x = load<float>("torch/torch_in_student4.npy");
    x.reshape({64, 64});
    const auto scales = load<double>("torch/torch_qpc_student4_scales.npy");
    std::vector<affine_params> rows, columns;
    for (std::ptrdiff_t c = 0; c < 64; ++c) {
        rows.push_back({static_cast<float>(scales[c]), 0});
        columns.push_back({static_cast<float>(scales[c] * 1.3), static_cast<std::int32_t>(100 + c % 7)});
    }
    CHECK(differing(quantize(x, eight_bits(true, per_channel(0)), rows),
                    load<std::int8_t>("torch/torch_qpc_student4_qint8.npy")) == 0);
    CHECK(differing(quantize(x, eight_bits(false, per_channel(1)), columns),
                    load<std::uint8_t>("torch/torch_qpc_student4_ax1_quint8.npy")) == 0);
}
