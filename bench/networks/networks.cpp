// SPDX-License-Identifier: Apache-2.0
/// @file
/// The bundled networks with integers only, beside the same graphs (batch norms folded) in float32 through Eigen: from
/// float images to float scores both, one thread. A program of its own, as all of it is compiled for this machine,
/// which Eigen needs to choose its kernels.
#include <bench/peers/report.hpp>
#include <examples/common/digits.hpp>
#include <examples/common/networks.hpp>

#include <lowbit/model/float_run.hpp>
#include <lowbit/model/quantize_model.hpp>

#include <cstdlib>

namespace {

using lowbit::tensor;
using peers::options;
using peers::report;

/// How many rows have their largest value in the same place.
std::ptrdiff_t same_answers(const tensor<float>& a, const tensor<float>& b) {
    const std::ptrdiff_t rows = a.shape()[0], classes = a.size() / rows;
    std::ptrdiff_t same = 0;
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
        const auto answer = [&](const float* row) { return std::max_element(row, row + classes) - row; };
        same += answer(a.data() + r * classes) == answer(b.data() + r * classes);
    }
    return same;
}

void compare(report& to, const options& how, std::string_view name, const tensor<float>& train,
             const tensor<float>& test) {
    const auto trained = examples::trained_network(name, LOWBIT_EXAMPLE_DATA);
    const lowbit::integer_network integers(lowbit::quantize_graph(trained, std::span(&train, 1), {}));
    const lowbit::graph& floats = integers.quantized().network;
    if (same_answers(lowbit::float_run(floats, test), integers.run(test)) < test.shape()[0] * 97 / 100) {
        std::fprintf(stderr, "%s: the integer network does not answer as the float one\n", std::string(name).c_str());
        std::exit(1);
    }
    for (const std::ptrdiff_t batch : {1, 64}) {
        const lowbit::tensor_view<const float> images(test.data(), lowbit::with_batch(test.shape(), batch));
        const auto best =
            peers::fastest({[&] { integers.run(images); }, [&] { lowbit::float_run(floats, images); }}, how);
        peers::row row;
        row.group = "networks: int8 against float32";
        row.name = std::string(name) + ", batch " + std::to_string(batch);
        row.isa = std::string(to_string(lowbit::active_isa()));
        row.unit = "images/ms";
        row.ours = double(batch) / best[0] * 1e-3;
        row.best_peer = double(batch) / best[1] * 1e-3;
        row.peer = "float32, Eigen for this machine";
        row.required_ratio = 3;
        to.add(row);
    }
}

void run(report& to, const options& how) {
    const examples::digit_parts digits(LOWBIT_EXAMPLE_DATA "/digits");
    const tensor<float> train = examples::to_float(examples::slice(digits.train, 0, 512));
    const tensor<float> test = examples::to_float(examples::slice(digits.test, 0, 256));
    for (const std::string_view name : examples::network_names) compare(to, how, name, train, test);
}

const peers::add_comparison added{"networks", run};

}  // namespace
