// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/integer_network.hpp>
#include <lowbit/model/layout.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <tests/support/golden.hpp>
#include <tests/support/networks.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <numeric>

using namespace lowbit;

namespace {
std::ptrdiff_t allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    ++allocations;
    return std::aligned_alloc(static_cast<std::size_t>(alignment), (size + 63) / 64 * 64);
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

/// A network of one layer (and perhaps a ReLU), in torch's quantized parameters, run on codes.
tensor<std::uint8_t> run_torch_layer(const tensor<std::uint8_t>& x, node layer, const tensor<std::int8_t>& codes,
                                     const tensor<double>& scales, affine_params output, bool relu) {
    layer.weights = tensor<float>(codes.shape());
    quantized_graph q;
    edge e = q.network.input(x.shape());
    layer.inputs = {e};
    const tensor<float> bias = layer.bias;
    e = q.network.append(std::move(layer));
    if (relu) e = q.network.relu(e);
    q.network.output(e);
    const affine unsigned8{.bits = 8, .symmetric = false, .is_signed = false};
    q.edges.assign(q.network.nodes().size(), {unsigned8, output});
    q.edges[0].params = {0.03f, 128};
    q.layers.resize(q.network.nodes().size());
    std::vector<affine_params> params;
    for (const double s : scales) params.push_back({static_cast<float>(s), 0});
    packed_codes packed(codes.size(), 8, true);
    std::vector<std::int32_t> wide(codes.begin(), codes.end());
    packed.pack(0, codes.size(), wide.data());
    const affine scheme{
        .bits = 8, .granularity = params.size() == 1 ? per_tensor() : per_channel(0), .codes = affine_codes::full};
    q.layers[1] = {affine_tensor(scheme, codes.shape(), packed, params), bias};
    const integer_network net(std::move(q));
    tensor<std::uint8_t> y(net.quantized().network.nodes().back().shape);
    aligned_vector<std::uint8_t> workspace(net.workspace_bytes(x.shape()[0]));
    const std::uint8_t* in = x.data();
    std::uint8_t* out = y.data();
    net.run_codes<std::uint8_t>(x.shape()[0], {&in, 1}, {&out, 1}, workspace.data());
    return y;
}

/// qnnpack requantizes in float32: an output next to a tie may be one code away. Returns how many are.
template <class Expected>
std::ptrdiff_t count_differences(const tensor<std::uint8_t>& y, const Expected& expected) {
    REQUIRE(y.shape() == expected.shape());
    std::ptrdiff_t count = 0;
    for (std::ptrdiff_t i = 0; i < y.size(); ++i) {
        const int difference = std::abs(int{y[i]} - int{expected[i]});
        REQUIRE(difference <= 1);
        count += difference;
    }
    return count;
}

}  // namespace

TEST_CASE("quantized linear layers are those of torch's qnnpack but for ties in float") {
    const std::string kind = GENERATE("pt", "pc");
    const bool relu = GENERATE(false, true);
    node layer{.kind = op::linear, .name = "fc", .bias = load<float>("torch/torch_qlinear_bias.npy")};
    const auto y = run_torch_layer(load<std::uint8_t>("torch/torch_qlinear_x.npy"), layer,
                                   load<std::int8_t>("torch/torch_qlinear_" + kind + "_w.npy"),
                                   load<double>("torch/torch_qlinear_" + kind + "_wscale.npy"), {0.05f, 117}, relu);
    const auto count = count_differences(
        y, load<std::uint8_t>("torch/torch_qlinear_qnnpack_" + kind + (relu ? "_relu_out.npy" : "_out.npy")));
    INFO(kind << " differing: " << count << " of " << y.size());
    CHECK(count == 0);
}

TEST_CASE("quantized convolutions are those of torch's qnnpack but for ties in float") {
    const bool padded = GENERATE(true, false);
    node layer{.kind = op::conv2d, .name = "conv", .bias = load<float>("torch/torch_qconv_bias.npy")};
    if (padded)
        layer.window.padding = pad(1);
    else
        layer.window.stride = {2, 2};
    const auto y = run_torch_layer(nhwc_from_nchw(load<std::uint8_t>("torch/torch_qconv_x.npy")), layer,
                                   ohwi_from_oihw(load<std::int8_t>("torch/torch_qconv_w.npy")),
                                   load<double>("torch/torch_qconv_wscale.npy"), {0.06f, 120}, false);
    const auto count =
        count_differences(nchw_from_nhwc(y), load<std::uint8_t>(padded ? "torch/torch_qconv_qnnpack_s1p1_out.npy"
                                                                       : "torch/torch_qconv_qnnpack_s2p0_out.npy"));
    INFO("differing: " << count << " of " << y.size());
    CHECK(count == 0);
}

TEST_CASE("a run on codes allocates nothing, and does not depend on the batch it is in") {
    const auto network = networks::mobile();
    const tensor<float> batches[] = {networks::random({6, 12, 12, 3}, -1, 1, 5)};
    const integer_network net(quantize_graph(network, batches, {}));
    tensor<std::int8_t> x(batches[0].shape()), y({6, 5}), one({1, 5});
    quantize_affine(batches[0].data(), x.size(), net.codes_of(edge{0}).grid(), x.data());
    aligned_vector<std::uint8_t> workspace(net.workspace_bytes(6));
    const std::int8_t* in = x.data();
    std::int8_t* out = y.data();
    const auto before = allocations;
    net.run_codes<std::int8_t>(6, {&in, 1}, {&out, 1}, workspace.data());
    CHECK(allocations == before);
    for (std::ptrdiff_t i = 0; i < 6; ++i) {
        in = x.data() + i * 12 * 12 * 3;
        out = one.data();
        net.run_codes<std::int8_t>(1, {&in, 1}, {&out, 1}, workspace.data());
        CHECK(std::equal(one.begin(), one.end(), y.data() + i * 5));
    }
    // Softmax is left to float: the largest code is the likeliest class.
    const auto probabilities = net.run(batches[0]);
    for (std::ptrdiff_t i = 0; i < 6; ++i) {
        const float* p = probabilities.data() + i * 5;
        CHECK(y[i * 5 + (std::max_element(p, p + 5) - p)] == *std::max_element(y.data() + i * 5, y.data() + i * 5 + 5));
        CHECK(std::accumulate(p, p + 5, 0.0f) == Approx(1));
    }
}

TEST_CASE("more samples than run at once, and none") {
    const auto network = networks::lenet();
    const tensor<float> batches[] = {networks::random({150, 12, 12, 1}, 0, 1, 5)};
    const integer_network net(quantize_graph(network, batches, {}));
    const auto y = net.run(batches[0]);
    const tensor_view<const float> last(batches[0].data() + 149 * 144, {1, 12, 12, 1});
    const auto alone = net.run(last);
    CHECK(std::equal(alone.begin(), alone.end(), y.data() + 149 * 10));
    CHECK(net.run(tensor<float>({0, 12, 12, 1})).shape() == tensor_shape{0, 10});
}

TEST_CASE("pixels are codes already: uint8 less 128") {
    const auto network = networks::lenet();
    const tensor<float> batches[] = {networks::random({4, 12, 12, 1}, 0, 1, 5)};
    recipe r;
    r.layers["image"].activation_params = affine_params{1.0f / 255, -128};
    const integer_network net(quantize_graph(network, batches, r));
    tensor<float> pixels({1, 12, 12, 1});
    tensor<std::int8_t> codes(pixels.shape()), y({1, 10});
    for (std::ptrdiff_t i = 0; i < 144; ++i) {
        const auto pixel = static_cast<std::uint8_t>(i * 7);
        pixels[i] = static_cast<float>(pixel) / 255.0f;
        codes[i] = static_cast<std::int8_t>(pixel - 128);
    }
    aligned_vector<std::uint8_t> workspace(net.workspace_bytes(1));
    const std::int8_t* in = codes.data();
    std::int8_t* out = y.data();
    net.run_codes<std::int8_t>(1, {&in, 1}, {&out, 1}, workspace.data());
    CHECK(decode_codes(code_view(y.data(), true, {1, 10}), net.codes_of(net.quantized().network.outputs()[0])) ==
          net.run(pixels));
}

TEST_CASE("what does not fit is refused with the node's name") {
    const auto network = networks::lenet();
    const tensor<float> batches[] = {networks::random({2, 12, 12, 1}, 0, 1, 5)};
    const integer_network net(quantize_graph(network, batches, {}));
    CHECK_THROWS_WITH(net.run(tensor<float>({1, 11, 12, 1})), Catch::Contains("input 'image'"));
    tensor<float> bad({1, 12, 12, 1});
    bad[5] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(net.run(bad), Catch::Contains("NaN at index 5"));
    const std::uint8_t* in = nullptr;
    CHECK_THROWS_AS(net.run_codes<std::uint8_t>(0, {&in, 1}, {}, nullptr), error);
    CHECK_THROWS_AS(net.run_codes<std::int8_t>(0, {}, {}, nullptr), error);
    CHECK_THROWS_AS(net.run_all({}), error);
}
