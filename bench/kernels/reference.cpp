// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/reference.hpp>

#include <bench/support/integer_layers.hpp>

namespace {

/// What the packed kernels are measured against: the plain loops.
void reference_linear(benchmark::State& state) {
    const lowbit::linear_shape shape{512, 512};
    const bench::int8_layer source(shape.out, shape.in);
    const auto layer = source.description();
    const auto x = bench::integers<std::int8_t>({shape.in}, -128, 127, 2);
    lowbit::tensor<std::int8_t> y({shape.out});
    for (auto _ : state) {
        lowbit::reference::linear(1, shape, x.data(), layer.input_zero_point, source.weights.data(), {}, layer.output,
                                  y.data());
        benchmark::ClobberMemory();
    }
    bench::count_items(state, shape.in * shape.out);
}
BENCHMARK(reference_linear);

}  // namespace
