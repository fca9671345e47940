// SPDX-License-Identifier: Apache-2.0
/// @file
/// Addition, max pooling and requantization of int8 codes, one thread, beside XNNPACK where it has them; millions of
/// outputs per second.
#include <bench/peers/integer.hpp>
#include <lowbit/kernels/elementwise.hpp>
#include <lowbit/kernels/pooling.hpp>

namespace {

using peers::options;
using peers::report;
using codes = lowbit::aligned_vector<std::int8_t>;

codes random_codes(std::size_t count) {
    std::mt19937 random(3);
    codes values(count + 64);
    for (auto& value : values) value = static_cast<std::int8_t>(random());
    return values;
}

void add_row(report& to, const char* name, double outputs, double ours, const double* peer) {
    peers::row row;
    row.group = "int8 elementwise";
    row.name = name;
    row.isa = std::string(to_string(lowbit::active_isa()));
    row.unit = "M/s";
    row.ours = outputs / ours * 1e-6;
    if (peer != nullptr) {
        row.best_peer = outputs / *peer * 1e-6;
        row.peer = "XNNPACK";
    }
    to.add(row);
}

void run(report& to, const options& how) {
    peers::require(xnn_initialize(nullptr) == xnn_status_success, "XNNPACK does not start");
    constexpr std::size_t count = 65536;
    const codes a = random_codes(count), b = random_codes(count);
    codes y(count + 64), theirs(count + 64);

    const lowbit::add_stage stage{lowbit::make_multiplier(0.7), lowbit::make_multiplier(0.4), 3, -5, 7, {}};
    const auto add = [&] { lowbit::add(count, a.data(), b.data(), stage, y.data()); };
    xnn_operator_t made = nullptr;
    peers::require(xnn_create_add_nd_qs8(3, 0.7f, -5, 0.4f, 7, 1.0f, -128, 127, 0, &made) == xnn_status_success &&
                       xnn_setup_add_nd_qs8(made, 1, &count, 1, &count, a.data(), b.data(), theirs.data(), nullptr) ==
                           xnn_status_success,
                   "XNNPACK refuses the addition");
    const auto best = peers::fastest({add, [&] { xnn_run_operator(made, nullptr); }}, how);
    peers::require_close(std::vector<std::int8_t>(y.begin(), y.begin() + count), theirs.data(), -128, 127, "XNNPACK");
    xnn_delete_operator(made);
    add_row(to, "add, 64 K", count, best[0], &best[1]);

    const lowbit::pool2d_shape half{32, 32, 64, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}};
    const auto pool = [&] { lowbit::max_pool(1, half, a.data(), y.data()); };
    peers::require(
        xnn_create_max_pooling2d_nhwc_s8(0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 64, 64, 64, -128, 127, 0, &made) ==
                xnn_status_success &&
            xnn_setup_max_pooling2d_nhwc_s8(made, 1, 32, 32, a.data(), theirs.data(), nullptr) == xnn_status_success,
        "XNNPACK refuses the pooling");
    const auto pooled = peers::fastest({pool, [&] { xnn_run_operator(made, nullptr); }}, how);
    peers::require(std::equal(y.begin(), y.begin() + count / 4, theirs.begin()), "max pooling differs from XNNPACK's");
    xnn_delete_operator(made);
    add_row(to, "max pool 2x2, 32x32x64", count / 4, pooled[0], &pooled[1]);

    lowbit::aligned_vector<std::int32_t> acc(count);
    for (std::size_t i = 0; i < count; ++i) acc[i] = a[i] * 1000 + b[i];
    const std::vector<lowbit::multiplier> factors(256, lowbit::make_multiplier(0.001));
    const auto requantize = [&] {
        lowbit::requantize(count / 256, 256, acc.data(), {.multipliers = factors}, y.data());
    };
    add_row(to, "int32 to int8 per channel, 64 K", count, peers::fastest({requantize}, how)[0], nullptr);
}

const peers::add_comparison added{"elementwise", run};

}  // namespace
