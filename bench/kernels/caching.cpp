// SPDX-License-Identifier: Apache-2.0
#include <lowbit/kernels/caching.hpp>

#include <bench/support/data.hpp>

namespace {

/// The fence that ends a task of bypassing stores, against none.
void finish_stores(benchmark::State& state) {
    const auto how = static_cast<lowbit::caching>(state.range(0));
    for (auto _ : state) lowbit::finish_stores(how);
}
BENCHMARK(finish_stores)->ArgName("bypass")->Arg(0)->Arg(1);

}  // namespace
