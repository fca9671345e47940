// SPDX-License-Identifier: Apache-2.0
#include <lowbit/train/fake_quantize.hpp>

#include <bench/support/data.hpp>

#include <span>

namespace {

constexpr lowbit::affine_params params{0.02f, 3};
const lowbit::affine scheme{.bits = 8, .symmetric = false};

void fake_quantize_activations(benchmark::State& state) {
    const auto x = bench::gaussian({64, 4096});
    lowbit::tensor<float> out(x.shape());
    for (auto _ : state) {
        lowbit::fake_quantize(x, scheme, std::span(&params, 1), out);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(fake_quantize_activations);

void fake_quantize_gradients(benchmark::State& state) {
    const auto x = bench::gaussian({64, 4096}), upstream = bench::gaussian({64, 4096}, 2);
    lowbit::tensor<float> out(x.shape());
    for (auto _ : state) {
        lowbit::fake_quantize_backward(x, upstream, scheme, std::span(&params, 1), out);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count_items(state, x.size());
}
BENCHMARK(fake_quantize_gradients);

}  // namespace
