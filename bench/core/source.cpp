// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/source.hpp>

#include <Eigen/Core>
#include <bench/support/data.hpp>

#include <vector>

namespace {

template <class Source>
void read_float(benchmark::State& state, const Source& source) {
    for (auto _ : state) benchmark::DoNotOptimize(lowbit::read_float(source).view().data());
    bench::count_items(state, static_cast<std::ptrdiff_t>(source.size()));
}
BENCHMARK_CAPTURE(read_float, borrowed_vector, std::vector<float>(4096, 1.0f));
BENCHMARK_CAPTURE(read_float, converted_double, std::vector<double>(4096, 1.0));
BENCHMARK_CAPTURE(read_float, reordered_matrix, Eigen::MatrixXf(Eigen::MatrixXf::Ones(64, 64)));

}  // namespace
