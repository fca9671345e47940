// SPDX-License-Identifier: Apache-2.0
/// @file
/// An int8 layer with a multiplier per channel, and the timing of its packed form.
#pragma once

#include <bench/support/data.hpp>
#include <lowbit/kernels/layer.hpp>

#include <vector>

namespace bench {

struct int8_layer {
    lowbit::tensor<std::int8_t> weights;
    std::vector<std::int32_t> bias;
    std::vector<lowbit::multiplier> multipliers;

    int8_layer(std::ptrdiff_t channels, std::ptrdiff_t depth)
        : weights(integers<std::int8_t>({channels, depth}, -127, 127)),
          bias(static_cast<std::size_t>(channels), 100),
          multipliers(static_cast<std::size_t>(channels),
                      lowbit::make_multiplier(1.0 / (100.0 * static_cast<double>(depth)))) {}

    lowbit::integer_layer description() const {
        return {.weights = weights.data(), .input_zero_point = -3, .output = {bias, multipliers, 5}};
    }
};

/// Packs with `pack(memory)` into `bytes`, asks `workspace_bytes(packed)`, times `run(packed, workspace)`.
template <class Packed, class Pack, class WorkspaceBytes, class Run>
void run_packed(benchmark::State& state, std::size_t bytes, Pack&& pack, WorkspaceBytes&& workspace_bytes, Run&& run) {
    lowbit::aligned_vector<std::byte> memory(bytes);
    if (!pack(memory.data())) return state.SkipWithError("the layer cannot be packed");
    const Packed packed(memory.data());
    lowbit::aligned_vector<std::byte> workspace(workspace_bytes(packed));
    for (auto _ : state) {
        run(packed, workspace.data());
        benchmark::ClobberMemory();
    }
    state.SetLabel(std::string(lowbit::to_string(packed.kernel())));
}

}  // namespace bench
