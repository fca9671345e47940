// SPDX-License-Identifier: Apache-2.0
#include <lowbit/storage/archive.hpp>

#include <bench/support/data.hpp>

namespace {

void archive(benchmark::State& state) {
    const auto q = lowbit::quantize(bench::gaussian({256, 256}), lowbit::affine{.bits = 4});
    const auto how = static_cast<lowbit::coding>(state.range(0));
    for (auto _ : state) {
        lowbit::archive_writer writer;
        writer.add("w", q, how);
        const auto file = writer.bytes();
        benchmark::DoNotOptimize(lowbit::archive(file).read("w"));
    }
    bench::count_items(state, 1 << 16);
}
BENCHMARK(archive)->DenseRange(0, 3);

}  // namespace
