// SPDX-License-Identifier: Apache-2.0
/// @file
/// Which instruction set the kernels use: found at run time (CPUID and XGETBV), cached, and open to an override by
/// function or by the environment variable LOWBIT_ISA, for tests and for measuring.
///
/// Every choice gives the same bits; only the speed differs. The one piece of state is an atomic, here.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lowbit {

/// An instruction set that kernels are written for.
enum class isa : std::uint8_t {
    scalar,       ///< plain C++: normative, anywhere
    avx2,         ///< AVX2, FMA, F16C
    avx_vnni,     ///< avx2 and VPDPBUSD on 256-bit registers (VEX)
    avx512,       ///< avx2 and AVX-512 F, BW, DQ, VL
    avx512_vnni,  ///< avx512 and VPDPBUSD on 512-bit registers
};

/// Every instruction set, weakest first.
inline constexpr isa all_isas[] = {isa::scalar, isa::avx2, isa::avx_vnni, isa::avx512, isa::avx512_vnni};

/// Whether code written for `part` runs where `whole` does: avx512 and avx_vnni both include avx2, but neither the
/// other.
constexpr bool includes(isa whole, isa part) {
    if (part == isa::scalar || part == whole) return true;
    if (part == isa::avx2) return whole != isa::scalar;
    return whole == isa::avx512_vnni && part == isa::avx512;
}

/// "scalar", "avx2", "avx_vnni", "avx512", "avx512_vnni": what LOWBIT_ISA takes.
constexpr std::string_view to_string(isa set) {
    switch (set) {
        case isa::avx2:
            return "avx2";
        case isa::avx_vnni:
            return "avx_vnni";
        case isa::avx512:
            return "avx512";
        case isa::avx512_vnni:
            return "avx512_vnni";
        default:
            return "scalar";
    }
}

namespace detail {

/// A bit per isa that this CPU and this operating system can run (the system must save the registers: XCR0).
/// Source: Intel SDM volume 2, CPUID leaves 1 and 7; volume 1, 13.3.
inline unsigned detect_isas() {
    unsigned found = 1u << unsigned(isa::scalar);
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return found;
    constexpr unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
    constexpr unsigned needed = fma | osxsave | avx | f16c;
    if ((ecx & needed) != needed) return found;
    unsigned xcr0 = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    constexpr unsigned ymm_state = 0x06, zmm_state = 0xe6;
    if ((xcr0 & ymm_state) != ymm_state || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return found;
    const unsigned subleaves = eax;
    constexpr unsigned avx2 = 1u << 5, avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, vnni = 1u << 11;
    if (!(ebx & avx2)) return found;
    found |= 1u << unsigned(isa::avx2);
    if ((ebx & avx512) == avx512 && (xcr0 & zmm_state) == zmm_state) {
        found |= 1u << unsigned(isa::avx512);
        if (ecx & vnni) found |= 1u << unsigned(isa::avx512_vnni);
    }
    constexpr unsigned avx_vnni = 1u << 4;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & avx_vnni))
        found |= 1u << unsigned(isa::avx_vnni);
#endif
    return found;
}

inline unsigned supported_isas() {
    static const unsigned found = detect_isas();
    return found;
}

/// The instruction set in use, plus 1; 0 before the first question. The only mutable state of the library: set by
/// `set_isa` or lazily by `active_isa`, to the same value from whichever thread comes first.
inline constinit std::atomic<unsigned> chosen_isa{0};

}  // namespace detail

/// Whether this machine can run it.
inline bool is_supported(isa set) { return (detail::supported_isas() >> unsigned(set) & 1u) != 0; }

/// The best that this machine can run, whatever was overridden.
inline isa best_isa() {
    isa best = isa::scalar;
    for (const isa candidate : all_isas) {
        if (is_supported(candidate)) best = candidate;
    }
    return best;
}

/// The instruction set that kernels use: what `set_isa` set; else what LOWBIT_ISA names, where this machine can run
/// it (any other value is ignored); else the best. One relaxed atomic load after the first call.
inline isa active_isa() {
    unsigned chosen = detail::chosen_isa.load(std::memory_order_relaxed);
    if (chosen == 0) [[unlikely]] {
        isa pick = best_isa();
        if (const char* name = std::getenv("LOWBIT_ISA")) {
            for (const isa candidate : all_isas) {
                if (name == to_string(candidate) && is_supported(candidate)) pick = candidate;
            }
        }
        const unsigned fresh = unsigned(pick) + 1;
        // Another thread may have been first, or `set_isa` was: its choice stands.
        chosen = detail::chosen_isa.compare_exchange_strong(chosen, fresh, std::memory_order_relaxed) ? fresh : chosen;
    }
    return static_cast<isa>(chosen - 1);
}

/// Forces an instruction set from now on, in every thread; false, and nothing changed, where this machine cannot run
/// it. Weights that are packed already still know the kernel they were packed for.
inline bool set_isa(isa set) {
    if (!is_supported(set)) return false;
    detail::chosen_isa.store(unsigned(set) + 1, std::memory_order_relaxed);
    return true;
}

/// Back to the automatic choice.
inline void reset_isa() { detail::chosen_isa.store(0, std::memory_order_relaxed); }

}  // namespace lowbit
