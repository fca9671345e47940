// SPDX-License-Identifier: Apache-2.0
#include <lowbit/model/node.hpp>

#include <bench/support/data.hpp>

namespace {

void infer_shape(benchmark::State& state) {
    lowbit::node n{.kind = lowbit::op::conv2d, .weights = lowbit::tensor<float>({8, 3, 3, 8})};
    const std::vector<lowbit::tensor_shape> in{{1, 28, 28, 8}};
    for (auto _ : state) {
        n.window.padding = lowbit::same();
        benchmark::DoNotOptimize(lowbit::detail::infer(n, in));
    }
}
BENCHMARK(infer_shape);

}  // namespace
