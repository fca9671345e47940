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

/// `awkward_floats` in runs of 32 of very different magnitudes, some of them all zeros. Finite unless `wild`.
inline std::vector<float> awkward_blocks(std::ptrdiff_t n, std::uint32_t seed, bool wild) {
    std::vector<float> values = awkward_floats(n, seed, 1.0f, wild);
    random_bits random(seed);
    for (std::size_t first = 0; first < values.size(); first += 32) {
        const int exponent =
            seed % 2 ? static_cast<int>(random(300)) - 160 : static_cast<int>(random(8)) - static_cast<int>(seed);
        const bool zeros = random(8) == 0;
        for (std::size_t i = first; i < std::min(first + 32, values.size()); ++i) {
            const float scaled = zeros ? std::copysign(0.0f, values[i]) : std::ldexp(values[i], exponent);
            values[i] = wild || std::abs(scaled) <= std::numeric_limits<float>::max() ? scaled : 1.0f;
        }
    }
    return values;
}

/// Runs f(), which gives back all bytes that it wrote and some beyond, on every instruction set: the same everywhere.
template <class Function>
void same_on_every_isa(Function f) {
    REQUIRE(lowbit::set_isa(lowbit::isa::scalar));
    const auto expected = f();
    for_each_isa([&] {
        const auto found = f();
        REQUIRE(found.size() == expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (found[i] == expected[i]) continue;
            CAPTURE(i);
            REQUIRE(int(found[i]) == int(expected[i]));
        }
    });
}

/// The sizes that vectors, tiles and their ends get wrong.
inline constexpr std::ptrdiff_t awkward_sizes[] = {0,   1,   15,  16,  17,   31,   32,   33,   48,   63,   64,   65,
                                                   80,  96,  112, 127, 128,  129,  200,  255,  256,  300,  511,  512,
                                                   513, 700, 992, 999, 1024, 1025, 1040, 1088, 2047, 2048, 2100, 4099};

/// Memory for one output: 64-byte aligned or one element off, with a guard behind it.
template <class T>
class guarded {
public:
    guarded(std::ptrdiff_t n, bool aligned) : bytes_(static_cast<std::size_t>(n) * sizeof(T) + 192, 0xa5), n_(n) {
        offset_ = (64 - reinterpret_cast<std::uintptr_t>(bytes_.data()) % 64) % 64 + (aligned ? 0 : sizeof(T));
    }
    T* data() { return reinterpret_cast<T*>(bytes_.data() + offset_); }
    /// Appends what was written and 32 bytes beyond.
    void append_to(std::vector<std::uint8_t>& all) const {
        const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(offset_);
        all.insert(all.end(), first, first + n_ * static_cast<std::ptrdiff_t>(sizeof(T)) + 32);
    }

private:
    std::vector<std::uint8_t> bytes_;
    std::ptrdiff_t n_;
    std::size_t offset_;
};
