// SPDX-License-Identifier: Apache-2.0
// Blocks as the searches of block_search_body.inl want them on vectors. See quantize_body.inl for how this file is
// included.

namespace lowbit::detail::LOWBIT_LANES {

/// Blocks side by side, for searches: value i of block b at values[16 · i + b].
class search_tile {
public:
    /// Up to sixteen consecutive blocks of n ≤ most_searched values, and their importance, which may be null; zeros for
    /// the blocks that are missing.
    __attribute__((LOWBIT_TARGET)) void load_blocks(const float* x, const float* importance, std::ptrdiff_t blocks,
                                                    std::ptrdiff_t n) {
        side_by_side(x, blocks, n, values);
        weighted_ = importance != nullptr;
        if (weighted_) side_by_side(importance, blocks, n, weights_);
    }
    /// Of the values, in their order, or null.
    const float* weights() const { return weighted_ ? weights_ : nullptr; }

    alignas(64) float values[most_searched * lane_count];

private:
    __attribute__((LOWBIT_TARGET)) static void side_by_side(const float* x, std::ptrdiff_t blocks, std::ptrdiff_t n,
                                                            float* to) {
        float padded[most_searched * lane_count];
        if (blocks < lane_count) {
            __builtin_memset(padded, 0, static_cast<std::size_t>(lane_count * n) * sizeof(float));
            __builtin_memcpy(padded, x, static_cast<std::size_t>(blocks * n) * sizeof(float));
            x = padded;
        }
        std::int32_t starts[lane_count];
        for (std::int32_t b = 0; b < lane_count; ++b) starts[b] = b * static_cast<std::int32_t>(n);
        const i32 offsets = load(starts);
        for (std::ptrdiff_t i = 0; i < n; ++i) store(to + i * lane_count, gather(x + i, offsets));
    }

    alignas(64) float weights_[most_searched * lane_count];
    bool weighted_ = false;
};

}  // namespace lowbit::detail::LOWBIT_LANES
