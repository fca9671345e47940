// SPDX-License-Identifier: Apache-2.0
/// @file
/// Running a check on every instruction set of this machine, and inputs that find the differences between them.
#pragma once

#include <lowbit/core/cpu.hpp>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// Calls f() with each instruction set that this machine can run, and says which in messages.
template <class Function>
void for_each_isa(Function f) {
    for (const lowbit::isa set : lowbit::all_isas) {
        if (!lowbit::set_isa(set)) continue;
        INFO("isa " << std::string(to_string(set)));
        f();
    }
    lowbit::reset_isa();
}

/// A generator of reproducible 32-bit numbers (xorshift).
class random_bits {
public:
    explicit random_bits(std::uint32_t seed) : state_(seed * 2654435761u | 1u) {}
    std::uint32_t operator()() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }
    /// Below n.
    std::uint32_t operator()(std::uint32_t n) { return (*this)() % n; }

private:
    std::uint32_t state_;
};

/// n floats around `unit`: halves and quarters of it and their neighbours (ties), plain numbers, now and then a special
/// one (−0, subnormals, the ends of float32; infinities and NaN where `wild`).
inline std::vector<float> awkward_floats(std::ptrdiff_t n, std::uint32_t seed, float unit = 1.0f, bool wild = true) {
    using limits = std::numeric_limits<float>;
    const float tame[] = {0.0f, -0.0f, limits::min(), -limits::min(), limits::denorm_min(), 1e-40f, 1e-20f};
    const float ends[] = {limits::max(),
                          -limits::max(),
                          limits::infinity(),
                          -limits::infinity(),
                          limits::quiet_NaN(),
                          std::bit_cast<float>(0xff800001u),
                          std::bit_cast<float>(0xffffffffu),
                          3e9f,
                          -3e9f,
                          1e20f};
    random_bits random(seed);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& x : values) {
        const std::uint32_t kind = random(64);
        const float step = 0.25f * unit * static_cast<float>(static_cast<int>(random(1100)) - 550);
        if (kind < 20) {
            x = step;
        } else if (kind < 30) {
            x = std::nextafter(step, random(2) ? limits::max() : -limits::max());
        } else if (kind < 60) {
            x = unit * (static_cast<float>(random(1u << 24)) * 0x1p-22f - 2.0f) * static_cast<float>(1 + random(40));
        } else if (kind < 62 || !wild) {
            x = tame[random(std::size(tame))];
        } else {
            x = ends[random(std::size(ends))];
        }
    }
    return values;
}
