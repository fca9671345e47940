// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/round_weights.hpp>

#include <bench/support/data.hpp>
#include <tests/support/networks.hpp>

namespace {

void round_weights(benchmark::State& state) {
    const auto net = networks::lenet(28);
    const std::vector<lowbit::tensor<float>> batches{networks::random({32, 28, 28, 1}, 0, 1, 1)};
    const auto moments = lowbit::layer_moments(net, batches);
    const lowbit::node& n = net.at("fc1");
    const auto how = static_cast<lowbit::weight_rounding>(state.range(0));
    for (auto _ : state) {
        const auto q = lowbit::round_weights(n, lowbit::affine{.bits = 4}, {}, how,
                                             moments[static_cast<std::size_t>(&n - net.nodes().data())]);
        benchmark::DoNotOptimize(q.bytes());
    }
    bench::count_items(state, n.weights.size());
}
BENCHMARK(round_weights)->ArgName("gptq")->Arg(0)->Arg(1);

}  // namespace
