// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/linear.hpp>
#include <lowbit/kernels/reference.hpp>
#include <tests/kernels/layers.hpp>
#include <tests/support/two_threads.hpp>

#include <catch2/catch.hpp>

using lowbit::code_type;
using lowbit::isa;

namespace {

template <class X, class W, class Y>
void compare_linear(unsigned seed) {
    layers::source random(seed);
    const bool large = random.chance(5);
    const std::ptrdiff_t rows = large ? random.between(1, 70) : random.between(0, 15);
    const lowbit::linear_shape shape{random.chance(5) ? 0 : random.between(1, large ? 700 : 70),
                                     random.between(1, large ? 300 : 140)};
    const bool extreme = random.chance(10);
    const auto x = random.codes<X>(rows * shape.in, extreme);
    const auto w = random.codes<W>(shape.out * shape.in, extreme);
    const layers::stage stage(random, shape.out, shape.in, Y{}, std::is_same_v<W, std::uint8_t>, true);
    lowbit::integer_layer layer{
        .weights = w.data(),
        .weight_type = lowbit::code_type_of<W>,
        .weight_zero_points = stage.weight_zeros,
        .input_type = lowbit::code_type_of<X>,
        .input_zero_point = random.int32(std::numeric_limits<X>::min(), std::numeric_limits<X>::max()),
        .output_type = lowbit::code_type_of<Y>,
        .output = stage.view};
    std::vector<Y> expected(static_cast<std::size_t>(rows * shape.out)), y(expected.size() + 1);
    lowbit::reference::linear(rows, shape, x.data(), layer.input_zero_point, w.data(), layer.weight_zero_points,
                              layer.output, expected.data());
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_linear_bytes(shape, layer, set));
        REQUIRE(lowbit::pack_linear(shape, layer, memory.data(), set));
        const lowbit::packed_linear packed(memory.data());
        layers::memory workspace(lowbit::linear_workspace_bytes(packed, rows));
        two_threads pool;
        for (const lowbit::executor& threads : {lowbit::executor(), lowbit::executor(pool)}) {
            std::fill(y.begin(), y.end(), Y(77));
            REQUIRE(lowbit::linear(packed, rows, x.data(), y.data(), workspace.data(), threads));
            INFO(to_string(set) << ", seed " << seed << ": " << rows << " x " << shape.in << " -> " << shape.out);
            REQUIRE(std::equal(expected.begin(), expected.end(), y.begin()));
            REQUIRE(y.back() == Y(77));
        }
    }
}

}  // namespace

TEST_CASE("linear: every instruction set gives the bits of the reference") {
    for (unsigned seed = 0; seed < 150; ++seed) {
        compare_linear<std::int8_t, std::int8_t, std::int8_t>(seed);
        compare_linear<std::uint8_t, std::int8_t, std::int8_t>(seed);
        compare_linear<std::uint8_t, std::int8_t, std::uint8_t>(seed);
        compare_linear<std::int8_t, std::uint8_t, std::uint8_t>(seed);
        compare_linear<std::uint8_t, std::uint8_t, std::int8_t>(seed);
        compare_linear<std::int8_t, std::int8_t, std::int32_t>(seed);
        compare_linear<std::uint8_t, std::int8_t, std::int32_t>(seed);
        compare_linear<std::int8_t, std::int8_t, float>(seed);
    }
}

TEST_CASE("a raw product, without any parameter") {
    const std::int8_t a[] = {1, -2, 3, -128, -128, 127}, b[] = {4, 5, 6, -128, -128, -128, 1, 0, -1};
    const lowbit::linear_shape shape{3, 3};
    const lowbit::integer_layer layer{.weights = b, .output_type = code_type::s32};
    layers::memory memory(lowbit::packed_linear_bytes(shape, layer));
    REQUIRE(lowbit::pack_linear(shape, layer, memory.data()));
    const lowbit::packed_linear packed(memory.data());
    layers::memory workspace(lowbit::linear_workspace_bytes(packed, 2));
    std::int32_t y[6];
    REQUIRE(lowbit::linear(packed, 2, a, y, workspace.data()));
    const std::int32_t expected[] = {12, -256, -2, -390, 16512, -255};
    CHECK(std::equal(y, y + 6, expected));
    CHECK(packed.shape().in == 3);
    CHECK(packed.shape().out == 3);
}

TEST_CASE("weights of four bits") {
    layers::source random(5);
    for (const lowbit::linear_shape shape : {lowbit::linear_shape{7, 5}, {64, 64}, {33, 70}}) {
        const auto count = static_cast<std::size_t>(shape.in * shape.out);
        std::vector<std::uint8_t> nibbles((count + 1) / 2);
        std::vector<std::int8_t> codes(count);
        for (std::size_t i = 0; i < count; ++i) {
            codes[i] = static_cast<std::int8_t>(random.int32(-8, 7));
            nibbles[i / 2] = static_cast<std::uint8_t>(nibbles[i / 2] | (codes[i] & 15) << (i % 2 * 4));
        }
        const auto x = random.codes<std::int8_t>(3 * shape.in);
        const lowbit::integer_layer layer{.weights = nibbles.data(),
                                          .weight_type = code_type::s4,
                                          .input_zero_point = 3,
                                          .output_type = code_type::s32};
        std::vector<std::int32_t> expected(static_cast<std::size_t>(3 * shape.out)), y(expected.size());
        lowbit::reference::linear(3, shape, x.data(), 3, codes.data(), {}, {}, expected.data());
        for (const isa set : layers::supported()) {
            const layers::forced_isa forced(set);
            layers::memory memory(lowbit::packed_linear_bytes(shape, layer, set));
            REQUIRE(lowbit::pack_linear(shape, layer, memory.data(), set));
            const lowbit::packed_linear packed(memory.data());
            layers::memory workspace(lowbit::linear_workspace_bytes(packed, 3));
            REQUIRE(lowbit::linear(packed, 3, x.data(), y.data(), workspace.data()));
            CHECK(y == expected);
        }
    }
}

TEST_CASE("sums that 32 bits cannot hold are summed in 64") {
    // 255·127 at each of 70,000 places is 2.27e9, past 2^31; the sum itself is scaled down to a code.
    const lowbit::linear_shape shape{70000, 2};
    std::vector<std::uint8_t> x(70000, 255);
    std::vector<std::int8_t> w(140000, 127);
    std::fill(w.begin() + 70000, w.end(), std::int8_t{1});
    const lowbit::multiplier factor = lowbit::make_multiplier(100.0 / (70000.0 * 255 * 127));
    const lowbit::integer_layer layer{
        .weights = w.data(), .input_type = code_type::u8, .output = {.multipliers = {&factor, 1}}};
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_linear_bytes(shape, layer, set));
        REQUIRE(lowbit::pack_linear(shape, layer, memory.data(), set));
        const lowbit::packed_linear packed(memory.data());
        CHECK(packed.kernel() == isa::scalar);
        layers::memory workspace(lowbit::linear_workspace_bytes(packed, 1));
        std::int8_t y[2];
        REQUIRE(lowbit::linear(packed, 1, x.data(), y, workspace.data()));
        CHECK(int(y[0]) == 100);
        CHECK(int(y[1]) == 1);
    }
    // At the last safe depth the fast kernels stay in charge, and are exact.
    const lowbit::linear_shape safe{65793, 1};
    std::vector<std::int8_t> lowest(65793, -128);
    const lowbit::integer_layer raw{
        .weights = lowest.data(), .input_type = code_type::u8, .output_type = code_type::s32};
    for (const isa set : layers::supported()) {
        const layers::forced_isa forced(set);
        layers::memory memory(lowbit::packed_linear_bytes(safe, raw, set));
        REQUIRE(lowbit::pack_linear(safe, raw, memory.data(), set));
        const lowbit::packed_linear packed(memory.data());
        CHECK(packed.kernel() == set);
        layers::memory workspace(lowbit::linear_workspace_bytes(packed, 1));
        std::int32_t y = 0;
        REQUIRE(lowbit::linear(packed, 1, x.data(), &y, workspace.data()));
        CHECK(y == -255 * 128 * 65793);
    }
}

TEST_CASE("what cannot be packed is refused, and nothing is written") {
    const std::int8_t w[4] = {};
    const std::int32_t zeros[] = {0, 500};
    const lowbit::multiplier good = lowbit::make_multiplier(0.1), bad[] = {good, {5, 0}};
    const lowbit::code_range empty[] = {{0, 10}, {5, 4}};
    const lowbit::integer_layer fine{.weights = w, .output = {.multipliers = {&good, 1}}};
    layers::memory memory(4096, std::byte{42});
    const auto error = [&](const lowbit::integer_layer& layer, lowbit::linear_shape shape = {2, 2}) {
        const lowbit::pack_status status = lowbit::pack_linear(shape, layer, memory.data());
        CHECK(lowbit::packed_linear_bytes(shape, layer) == 0);
        CHECK(std::count(memory.begin(), memory.end(), std::byte{42}) == 4096);
        CHECK(std::string(to_string(status.error)).size() > 10);
        return std::pair(status.error, status.channel);
    };
    using lowbit::pack_error;
    CHECK(error(fine, {-1, 2}) == std::pair<pack_error, std::ptrdiff_t>(pack_error::shape, -1));
    auto layer = fine;
    layer.input_zero_point = 200;
    CHECK(error(layer).first == pack_error::input_zero_point);
    layer = fine;
    layer.output.zero_point = -129;
    CHECK(error(layer).first == pack_error::output_zero_point);
    layer = fine;
    layer.output.multipliers = {};
    CHECK(error(layer).first == pack_error::multiplier);
    layer.output.multipliers = bad;
    CHECK(error(layer) == std::pair<pack_error, std::ptrdiff_t>(pack_error::multiplier, 1));
    layer = fine;
    layer.weight_zero_points = zeros;
    CHECK(error(layer) == std::pair<pack_error, std::ptrdiff_t>(pack_error::weight_zero_point, 1));
    layer = fine;
    layer.output.clamp = empty;
    CHECK(error(layer) == std::pair<pack_error, std::ptrdiff_t>(pack_error::clamp, 1));
    layer = fine;
    layer.output.bias = {zeros, 1};
    CHECK(error(layer).first == pack_error::bias);
    layer = fine;
    layer.input_type = code_type::s32;
    CHECK(error(layer).first == pack_error::input_type);
    layer = fine;
    layer.output_type = code_type::f32;
    CHECK(error(layer).first == pack_error::scale);
    CHECK(lowbit::pack_linear({2, 2}, fine, nullptr).error == pack_error::memory);
    CHECK(lowbit::pack_linear({2, 2}, fine, memory.data() + 1).error == pack_error::memory);
}

TEST_CASE("packed weights are refused where their instruction set is not in use") {
    const std::int8_t w[4] = {1, 2, 3, 4}, x[2] = {1, 1};
    const lowbit::integer_layer layer{.weights = w, .output_type = code_type::s32};
    for (const isa packed_for : layers::supported()) {
        layers::memory memory(lowbit::packed_linear_bytes({2, 2}, layer, packed_for));
        REQUIRE(lowbit::pack_linear({2, 2}, layer, memory.data(), packed_for));
        const lowbit::packed_linear packed(memory.data());
        for (const isa used : layers::supported()) {
            lowbit::set_isa(used);
            layers::memory workspace(lowbit::linear_workspace_bytes(packed, 1));
            std::int32_t y[2] = {-1, -1};
            const bool ran = lowbit::linear(packed, 1, x, y, workspace.data());
            CHECK(ran == lowbit::includes(used, packed.kernel()));
            CHECK(y[0] == (ran ? 3 : -1));
        }
    }
    lowbit::reset_isa();
}
