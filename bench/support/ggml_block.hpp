// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bench/support/data.hpp>

#include <cstdint>

namespace bench {

/// One block of a ggml layout, by its scalar encoder.
template <class Layout>
void encode_ggml_block(benchmark::State& state) {
    const auto x = gaussian(Layout::size);
    std::uint8_t block[Layout::bytes];
    for (auto _ : state) {
        Layout::encode(x.data(), false, nullptr, block);
        benchmark::DoNotOptimize(block);
    }
    count_items(state, Layout::size);
}

}  // namespace bench
