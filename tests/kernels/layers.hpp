// SPDX-License-Identifier: Apache-2.0
// Random integer layers for the tests of the kernels, and the instruction sets to run them on.
#pragma once

#include <lowbit/core/tensor.hpp>
#include <lowbit/kernels/layer.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace layers {

inline std::vector<lowbit::isa> supported() {
    std::vector<lowbit::isa> sets;
    for (const lowbit::isa set : lowbit::all_isas) {
        if (lowbit::is_supported(set)) sets.push_back(set);
    }
    return sets;
}

/// Forces an instruction set for as long as it lives.
struct forced_isa {
    explicit forced_isa(lowbit::isa set) { lowbit::set_isa(set); }
    ~forced_isa() { lowbit::reset_isa(); }
};

/// Workspace and packed weights live in memory like this.
using memory = lowbit::aligned_vector<std::byte>;

class source {
public:
    explicit source(unsigned seed) : random_(seed) {}

    std::ptrdiff_t between(std::ptrdiff_t low, std::ptrdiff_t high) {
        return std::uniform_int_distribution<std::ptrdiff_t>(low, high)(random_);
    }
    std::int32_t int32(std::int32_t low, std::int32_t high) { return static_cast<std::int32_t>(between(low, high)); }
    bool chance(int percent) { return between(1, 100) <= percent; }
    template <class T>
    std::vector<T> codes(std::ptrdiff_t count, bool extreme = false) {
        std::vector<T> values(static_cast<std::size_t>(count));
        for (T& value : values) {
            constexpr std::int32_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
            value = static_cast<T>(extreme ? (chance(50) ? low : high) : int32(low, high));
        }
        return values;
    }

private:
    std::mt19937 random_;
};

/// Everything of an output stage, owned; what is drawn depends on the seed.
struct stage {
    std::vector<std::int32_t> bias, weight_zeros;
    std::vector<lowbit::multiplier> multipliers;
    std::vector<lowbit::code_range> clamps;
    std::vector<float> scales;
    lowbit::output_stage view;

    /// For outputs of type Y, `depth` products each. Factors are mostly of the size that spreads the outputs over their
    /// range, some far from it.
    template <class Y>
    stage(source& random, std::ptrdiff_t channels, std::ptrdiff_t depth, Y, bool weight_u8, bool zeros) {
        const auto some = [&](int percent_all) {
            return random.chance(percent_all) ? channels : random.chance(50) ? 1 : 0;
        };
        for (std::ptrdiff_t c = random.chance(70) ? channels : 0; c > 0; --c)
            bias.push_back(random.int32(-100000, 100000));
        const double typical = 1.0 / (60.0 * std::sqrt(double(depth) + 1.0));
        for (std::ptrdiff_t c = random.chance(70) ? channels : 1; c > 0; --c) {
            const double spread = random.chance(15) ? std::exp2(double(random.between(-40, 40)))
                                                    : std::exp2(double(random.between(-300, 300)) / 100.0);
            multipliers.push_back(random.chance(3) ? lowbit::multiplier{} : lowbit::make_multiplier(typical * spread));
        }
        for (std::ptrdiff_t c = some(30); c > 0; --c) {
            const std::int32_t low = random.int32(-140, 100);
            clamps.push_back({low, random.int32(low < 0 ? 0 : low, 300)});
        }
        for (std::ptrdiff_t c = random.chance(50) ? channels : 1; c > 0; --c)
            scales.push_back(float(random.between(1, 1000)) / 1024.0f);
        if (zeros) {
            for (std::ptrdiff_t c = some(50); c > 0; --c)
                weight_zeros.push_back(weight_u8 ? random.int32(0, 255) : random.int32(-128, 127));
        }
        view.bias = bias;
        view.multipliers = multipliers;
        view.clamp = clamps;
        view.scales = scales;
        if (sizeof(Y) == 1)
            view.zero_point =
                random.int32(std::int32_t(std::numeric_limits<Y>::min()), std::int32_t(std::numeric_limits<Y>::max()));
        view.rounding = random.chance(70) ? lowbit::requant_rounding::single : lowbit::requant_rounding::tflite_double;
    }
};

}  // namespace layers
