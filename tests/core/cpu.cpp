// SPDX-License-Identifier: Apache-2.0
#include <lowbit/core/cpu.hpp>

#include <catch2/catch.hpp>
#include <cstdlib>

using lowbit::isa;

TEST_CASE("what includes what") {
    for (const isa set : lowbit::all_isas) {
        CHECK(lowbit::includes(set, set));
        CHECK(lowbit::includes(set, isa::scalar));
        CHECK(lowbit::includes(set, isa::avx2) == (set != isa::scalar));
    }
    CHECK(lowbit::includes(isa::avx512_vnni, isa::avx512));
    CHECK_FALSE(lowbit::includes(isa::avx512_vnni, isa::avx_vnni));
    CHECK_FALSE(lowbit::includes(isa::avx512, isa::avx_vnni));
    CHECK_FALSE(lowbit::includes(isa::avx_vnni, isa::avx512));
    CHECK_FALSE(lowbit::includes(isa::avx512, isa::avx512_vnni));
}

TEST_CASE("detection agrees with the compiler's own, where it has one") {
    CHECK(lowbit::is_supported(isa::scalar));
#if defined(__x86_64__)
    CHECK(lowbit::is_supported(isa::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
    CHECK(lowbit::is_supported(isa::avx512) ==
          (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq")));
    CHECK(lowbit::is_supported(isa::avx512_vnni) ==
          (__builtin_cpu_supports("avx512vnni") && lowbit::is_supported(isa::avx512)));
#endif
}

TEST_CASE("override by function") {
    for (const isa set : lowbit::all_isas) {
        const isa before = lowbit::active_isa();
        CHECK(lowbit::set_isa(set) == lowbit::is_supported(set));
        CHECK(lowbit::active_isa() == (lowbit::is_supported(set) ? set : before));
    }
    lowbit::reset_isa();
}

TEST_CASE("override by environment; unknown names are ignored") {
    const char* outer = std::getenv("LOWBIT_ISA");
    const std::string saved = outer ? outer : "";
    for (const isa set : lowbit::all_isas) {
        setenv("LOWBIT_ISA", std::string(lowbit::to_string(set)).c_str(), 1);
        lowbit::reset_isa();
        CHECK(lowbit::active_isa() == (lowbit::is_supported(set) ? set : lowbit::best_isa()));
    }
    setenv("LOWBIT_ISA", "Z80", 1);
    lowbit::reset_isa();
    CHECK(lowbit::active_isa() == lowbit::best_isa());
    outer ? setenv("LOWBIT_ISA", saved.c_str(), 1) : unsetenv("LOWBIT_ISA");
    lowbit::reset_isa();
}
